#!/bin/sh
# The main job, end to end: starts a supervisor on a private socket, runs one real job on a real repository, and shows
# what happened and that nothing is left behind.
# usage: demo.sh BINARIES      REPO=/path takes a repository of your own instead of a sample
set -eu

bin=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-demo.XXXXXX")
chmod 0711 "$work"
supervisor=""
finish() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$supervisor" ]; then
        kill -TERM "$supervisor" 2>/dev/null || true
        wait "$supervisor" 2>/dev/null || true
    fi
    [ "$status" = 0 ] || { echo; echo "the supervisor's log:"; cat "$work/supervisor.log" 2>/dev/null || true; }
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT INT TERM
step() { printf '\n== %s\n' "$*"; }

if [ -n "${REPO:-}" ]; then
    repo=$(cd "$REPO" && pwd)
else
    repo=$work/sample
    step "a sample repository with some history"
    git init -q -b main "$repo"
    git -C "$repo" config user.name "Sample Author"
    git -C "$repo" config user.email author@example.invalid
    printf 'all:\n\t@echo building\n\t@./greet.sh > greeting.txt\n' >"$repo/Makefile"
    printf '#!/bin/sh\necho hello\n' >"$repo/greet.sh"
    chmod +x "$repo/greet.sh"
    git -C "$repo" add -A
    git -C "$repo" commit -q -m "Add a greeting"
    printf '# Sample\n\nIt greets.\n' >"$repo/README.md"
    git -C "$repo" add -A
    git -C "$repo" commit -q -m "Describe the sample"
    git -C "$repo" --no-pager log --oneline
fi

step "starting a supervisor with its own store and socket"
"$bin/bulkhead-supervisor" --state "$work/state" --socket "$work/supervisor.sock" --isolation available \
    2>"$work/supervisor.log" &
supervisor=$!
export BULKHEAD_SOCKET="$work/supervisor.sock"
tries=0
until "$bin/runnerctl" status >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] && kill -0 "$supervisor" 2>/dev/null || { echo "the supervisor did not start"; exit 1; }
    sleep 0.1
done
"$bin/runnerctl" status

step "one job: an operator's command in a sandbox, live"
if [ -n "${REPO:-}" ]; then
    command='id -un; ls / | tr "\n" " "; echo; echo "made in a sandbox" > BULKHEAD_WAS_HERE.txt'
else
    command='id -un; ls / | tr "\n" " "; echo; make && printf "\nRun make.\n" >> README.md'
fi
"$bin/runnerctl" run --repo "$repo" --title "Try Bulkhead" -- sh -c "$command"

job=$("$bin/runnerctl" jobs --json | sed -n 's/.*"id": *"\([a-z0-9]*\)".*/\1/p' | head -n 1)
step "the isolation layers that were in force, as the worker read them back"
"$bin/runnerctl" show "$job"

step "the branch, in the repository"
git -C "$repo" --no-pager log --oneline -n 3 "bulkhead/$job"
git -C "$repo" --no-pager diff --no-ext-diff --no-textconv "bulkhead/$job~1" "bulkhead/$job"

step "nothing is left behind"
"$bin/runnerctl" status | sed -n '1,3p'
left=$(pgrep -P "$(pgrep -P "$supervisor" -f bulkhead-spawner)" 2>/dev/null | wc -l)
echo "worker processes: $left; inputs in the state directory: $(find "$work/state/inputs" -type f | wc -l); mounts: $(grep -c "$work" /proc/self/mountinfo || true)"
[ "$left" = 0 ]
if [ -z "${REPO:-}" ]; then echo "the sample goes with $work"; else echo "the branch bulkhead/$job stays in $repo"; fi
