#!/bin/sh
# Installs what building and running need and this machine lacks: Debian packages, by apt, as root.
# usage: setup.sh [PACKAGE ...]     the packages beside those of every build
set -eu

wanted="libseccomp-dev libcap-dev libsqlite3-dev git tar pkg-config $*"
missing=""
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done

if ! command -v swift >/dev/null 2>&1; then
    echo "setup: no Swift toolchain is in PATH. Install Swift 6.3 or newer (swift.org/install) and run this again." >&2
    exit 1
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    elevate=""
elif command -v sudo >/dev/null 2>&1; then
    elevate="sudo"
    echo "setup: installing needs root: sudo may ask for your password" >&2
else
    echo "setup: these Debian packages are missing:$missing" >&2
    echo "setup: run as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
echo "setup: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# The lists of a fresh machine are empty; those of another may be old.
$elevate apt-get -qq update >&2
$elevate apt-get -qq install -y --no-install-recommends $missing >&2
