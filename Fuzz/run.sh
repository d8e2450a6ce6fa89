#!/bin/sh
# Fuzzes the frame codec and the JSON layer with libFuzzer for SECONDS (60 unless told); needs swiftc only.
#
#   Fuzz/run.sh [SECONDS]
#
# Exits non-zero on a crash, a time-out of one input (10 s) or more than 512 MiB of memory; the input that did it is
# then kept, and its path printed. The seed corpus is copied, never changed.
set -eu

seconds=${1:-60}
case $seconds in
'' | *[!0-9]* | 0*)
    echo "run.sh: '$seconds' is not a number of seconds; give a positive integer" >&2
    exit 2
    ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
sources=$here/../Sources/IPC
work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-fuzz.XXXXXX")
mkdir "$work/corpus" "$work/findings"

clean() {
    status=$?
    if [ -n "$(ls -A "$work/findings" 2>/dev/null)" ]; then
        rm -rf "$work/corpus"
        echo "run.sh: the inputs that failed are in $work/findings; run $work/fuzzer FILE to see one again" >&2
    else
        rm -rf "$work"
    fi
    exit "$status"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cp "$here"/corpus/frames/* "$work/corpus/"
swiftc -swift-version 6 -parse-as-library -sanitize=fuzzer -O -module-name FrameFuzzer \
    "$sources"/JSON/*.swift "$sources/Frame/FrameCodec.swift" "$here/FrameFuzzer.swift" -o "$work/fuzzer"
# Swift's own crash handler would take the signal from libFuzzer, which then could not keep the input.
SWIFT_BACKTRACE=enable=no "$work/fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$work/findings/" "$work/corpus"
