#!/bin/sh
# package.sh JOBS [FOLDER]: the Debian package of the tree as it lies here, checked
# by lintian, in build/package or FOLDER. Same tree, same bytes.
set -eu
cd "$(dirname "$0")/.."
out=${2:-build/package}
rm -rf "$out"/lyceum "$out"/lyceum[-_]*
mkdir -p "$out"/lyceum
git ls-files -z --cached --others --exclude-standard |
    tar -c --null -T - --ignore-failed-read 2>/dev/null | tar -x -C "$out"/lyceum
if ! (cd "$out"/lyceum && DEB_BUILD_OPTIONS="parallel=$1" \
    dpkg-buildpackage -b -us -uc) >"$out"/log 2>&1; then
    tail -n 40 "$out"/log
    exit 1
fi
lintian --allow-root --fail-on error,warning "$out"/*.changes
sha256sum "$out"/*.deb
