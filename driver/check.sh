#!/usr/bin/env bash
# checkpatch and sparse over the module, against the kernel that guest/host.sh has built. No output means clean.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/duvisor
IMAGE=$("$HERE/../guest/host.sh" --where driver)
read -r _ VERSION KEY < <(grep ^kernel "$IMAGE/RECIPE")
SOURCE=$CACHE/guest/src/linux-source-6.12_$VERSION BUILD=$CACHE/host/kernel-$KEY/build
command -v sparse >/dev/null || { echo "check.sh: needs sparse (Debian: sparse)" >&2; exit 1; }
cd "$HERE"
perl "$SOURCE/scripts/checkpatch.pl" --no-tree -f --terse --strict --no-summary ./*.c hart.h duvisor.h
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
cp ./*.[ch] Kbuild "$TMP"
# an -march with extensions is an error to some versions of sparse, and nothing here depends on it
printf '#!/bin/bash\na=(); for x; do [[ $x == -march=* ]] || a+=("$x"); done\nexec sparse "${a[@]}"\n' >"$TMP/sparse"
chmod +x "$TMP/sparse"
make -s -C "$SOURCE" O="$BUILD" ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu- M="$TMP" W=1 C=2 CHECK="$TMP/sparse" modules 2>&1 |
    grep -v '^make' && exit 1 || exit 0
