#!/bin/sh
# Builds the release executables and the benchmarks, and measures against bubblewrap, node and a pipeline to a file.
#
#   Benchmarks/run.sh [--only start,memory,log,jobs] [--rounds N] [--log-rounds N] [--job-rounds N] [--jobs N]
#
# BULKHEAD_BIN=DIR measures executables that are built already; BUILD_FLAGS goes to `swift build` of the product, and
# CC names a C compiler. Exits 0 when everything could be measured, whatever the numbers: docs/benchmarks.md.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
swift=${SWIFT:-swift}
flags=${BUILD_FLAGS:-}

for program in bwrap:bubblewrap node:nodejs; do
    command -v "${program%%:*}" >/dev/null 2>&1 && continue
    if [ "$(id -u)" = 0 ]; then
        "$root/scripts/setup.sh" "${program#*:}"
    else
        # What needs it then says so; the rest is measured.
        echo "run.sh: ${program%%:*} is missing; as root: apt-get install --no-install-recommends ${program#*:}" >&2
    fi
done

if [ -n "${BULKHEAD_BIN:-}" ]; then
    binaries=$(CDPATH='' cd -- "$BULKHEAD_BIN" && pwd)
else
    # shellcheck disable=SC2086 # flags are words
    "$swift" build -c release --package-path "$root" $flags >&2
    # shellcheck disable=SC2086
    binaries=$("$swift" build -c release --package-path "$root" $flags --show-bin-path)
fi
"$swift" build -c release --package-path "$here" >&2
benchmarks=$("$swift" build -c release --package-path "$here" --show-bin-path)

compiler=${CC:-}
for candidate in cc gcc clang; do
    if [ -z "$compiler" ] && command -v "$candidate" >/dev/null 2>&1; then compiler=$candidate; fi
done
if [ -z "$compiler" ]; then
    echo "run.sh: no C compiler (cc, gcc, clang) is in PATH; install one, or name it in CC" >&2
    exit 1
fi
"$compiler" -O2 -static -nostdlib -ffreestanding -fno-stack-protector -o "$benchmarks/bulkhead-benchmark-tool" \
    "$here/Tools/tool.c"

exec "$benchmarks/bulkhead-benchmarks" --binaries "$binaries" --tool "$benchmarks/bulkhead-benchmark-tool" "$@"
