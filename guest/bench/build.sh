#!/usr/bin/env bash
# Rebuilds the archive with the benchmark program: see --help and README.md.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
IMAGES=$HERE/../images
die() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

usage() {
    cat <<END
Usage: guest/bench/build.sh [OPTION]...
Compiles guest/bench with Debian's cross compiler and packs it as
guest/images/bench.cpio.gz, an initramfs with the one file /bench.

  --out DIR      put bench.cpio.gz and the uncompressed program there
  --shell        also write bench-shell.cpio.gz: the default guest's
                 initramfs with /bench in it
  --check        build in a temporary folder and compare with guest/images
  --help         this text

Needs the Debian packages gcc-12-riscv64-linux-gnu, libc6-dev-riscv64-cross
and cpio; guest/bench/versions says which versions gave the committed file.
END
}

OUT='' SHELL_TOO='' CHECK=''
while (($#)); do
    case $1 in
    --out) (($# > 1)) || die "--out needs a value (see --help)"; OUT=$2; shift 2 ;;
    --shell) SHELL_TOO=1; shift ;;
    --check) CHECK=1; shift ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$1' (see --help)" ;;
    esac
done

CC=riscv64-linux-gnu-gcc-12
for tool in "$CC=gcc-12-riscv64-linux-gnu" cpio=cpio gzip=gzip sha256sum=coreutils; do
    command -v "${tool%%=*}" >/dev/null 2>&1 || die "missing host tool; install the Debian package ${tool#*=}"
done
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1735689600 # 2025-01-01, as guest/build.sh
while IFS='=' read -r package version; do
    [[ $package == \#* ]] && continue
    have=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null || echo unknown)
    [[ $have = "$version" ]] || echo "note: $package is $have here; with another version than $version the hash differs"
done <"$HERE/versions"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# no fused operations, no copies turned into memcpy: the loops stay what the sources say
(cd "$HERE" && "$CC" -O2 -static -std=gnu11 -Wall -Wextra -Wconversion -Werror -ffp-contract=off \
    -fno-tree-loop-distribute-patterns -s -Wl,--build-id=none -o "$WORK/bench" \
    bench.c core.c memory.c float.c kernel.c -lm)
touch -d "@$SOURCE_DATE_EPOCH" "$WORK/bench"
chmod 755 "$WORK/bench"
(cd "$WORK" && echo bench | cpio --quiet -o -H newc --reproducible --owner=0:0 >bench.cpio)
gzip -9nc "$WORK/bench.cpio" >"$WORK/bench.cpio.gz"
(cd "$WORK" && sha256sum bench.cpio.gz >SHA256SUMS.bench)

if [[ -n $CHECK ]]; then
    cmp -s "$WORK/SHA256SUMS.bench" "$IMAGES/SHA256SUMS.bench" || die "the rebuilt bench.cpio.gz differs from guest/images"
    echo "the rebuilt bench.cpio.gz is the same as in guest/images"
    exit 0
fi
[[ -z $OUT ]] || cp "$WORK/bench" "$OUT/bench" || die "cannot write to $OUT"
OUT=${OUT:-$IMAGES}
cp "$WORK/bench.cpio.gz" "$WORK/SHA256SUMS.bench" "$OUT/"
# the kernel unpacks one archive after the other
[[ -z $SHELL_TOO ]] || cat "$IMAGES/initramfs.cpio.gz" "$WORK/bench.cpio.gz" >"$OUT/bench-shell.cpio.gz"
