#!/usr/bin/env bash
# Rebuilds the guest of "duvisor lab micro": see --help and README.md.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
IMAGES=$HERE/../images
die() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

usage() {
    cat <<END
Usage: guest/micro/build.sh [OPTION]...
Assembles guest/micro/micro.S with Debian's cross compiler: an ELF file with
its symbols, guest/images/micro.elf.

  --out DIR      put micro.elf there
  --check        build in a temporary folder and compare with guest/images
  --help         this text

Needs the Debian package gcc-12-riscv64-linux-gnu; guest/bench/versions says
which version gave the committed file.
END
}

OUT=$IMAGES CHECK=''
while (($#)); do
    case $1 in
    --out) (($# > 1)) || die "--out needs a value (see --help)"; OUT=$2; shift 2 ;;
    --check) CHECK=1; shift ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$1' (see --help)" ;;
    esac
done

CC=riscv64-linux-gnu-gcc-12
command -v "$CC" >/dev/null 2>&1 || die "missing host tool; install the Debian package gcc-12-riscv64-linux-gnu"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# one segment, and nothing in it that depends on where or when it was built
(cd "$HERE" && "$CC" -march=rv64imafd_zicsr -mabi=lp64d -mcmodel=medany -fno-pie -c -o "$WORK/micro.o" micro.S)
(cd "$WORK" && "$CC" -nostdlib -static -no-pie -o micro.elf micro.o \
    -Wl,-N,-Ttext=0x80200000,--build-id=none,--no-relax,-z,noexecstack,--no-warn-rwx-segments)
chmod 644 "$WORK/micro.elf"
if [[ -n $CHECK ]]; then
    cmp -s "$WORK/micro.elf" "$IMAGES/micro.elf" || die "the rebuilt micro.elf differs from guest/images"
    echo "the rebuilt micro.elf is the same as in guest/images"
else
    cp "$WORK/micro.elf" "$OUT/" || die "cannot write to $OUT"
fi
