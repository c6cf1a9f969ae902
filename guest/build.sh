#!/usr/bin/env bash
# Rebuilds the guest images: see --help and README.md.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/debian.sh
. "$HERE/debian.sh"
# shellcheck source=guest/kernel.sh
. "$HERE/kernel.sh"

usage() {
    cat <<END
Usage: guest/build.sh [OPTION]...
Rebuilds the guest kernel and initramfs from Debian $SUITE's sources, with the
package versions named in guest/versions.

  --out DIR      put the results there           (default: guest/images)
  --cache DIR    downloads and the build tree    (default: $(default_cache))
  --mirror URI   the Debian archive to use       (default: this machine's own)
  --jobs N       parallel compile jobs           (default: number of CPUs)
  --initramfs    rebuild the initramfs only
  --update       first write the versions served today to guest/versions
  --check        build into the cache and compare with guest/images/SHA256SUMS
  --help         this text

Results: Image.gz, initramfs.cpio.gz, SHA256SUMS. The uncompressed Image,
vmlinux, System.map and .config stay in the cache, in build/. Nothing is
installed. A few minutes, 2 GB in the cache.
END
}

CACHE='' MIRROR=${DUVISOR_DEBIAN_MIRROR:-} OUT=$HERE/images JOBS=$(nproc) ONLY='' UPDATE='' CHECK=''
while (($#)); do
    case $1 in
    --out | --cache | --mirror | --jobs)
        (($# > 1)) || die "$1 needs a value (see --help)"
        case $1 in
        --out) OUT=$2 ;;
        --cache) CACHE=$2 ;;
        --mirror) MIRROR=$2 ;;
        --jobs) [[ $2 =~ ^[1-9][0-9]*$ ]] || die "--jobs wants a number, not '$2'"; JOBS=$2 ;;
        esac
        shift 2 ;;
    --initramfs) ONLY=initramfs; shift ;;
    --update) UPDATE=1; shift ;;
    --check) CHECK=1; shift ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$1' (see --help)" ;;
    esac
done
[[ -z $CHECK || -z $ONLY ]] || die "--check and --initramfs exclude each other"
open_cache

COMPILER_PKG=gcc-12-riscv64-linux-gnu
BUILD=$CACHE/build
[[ -z $CHECK ]] || OUT=$CACHE/check

pinned() { # PACKAGE: its version in guest/versions
    sed -n "s/^$1=//p" "$HERE/versions" | grep . || die "guest/versions has no line for $1"
}

compiler_version() { dpkg-query -W -f '${Version}' "$COMPILER_PKG" 2>/dev/null || echo unknown; }

update_versions() {
    local pkg ver text=''
    for pkg in "$KERNEL_PKG" "$BUSYBOX_PKG"; do
        ver=$(served "$pkg")
        [[ -n $ver ]] || die "Debian $SUITE ($DEB_ARCH) has no package $pkg"
        text+="$pkg=$ver"$'\n'
    done
    { sed '/^[^#]/d' "$HERE/versions" 2>/dev/null || true
      printf '%s%s\n' "$text" "$COMPILER_PKG=$(compiler_version)"; } >"$HERE/versions.new"
    mv "$HERE/versions.new" "$HERE/versions"
    say "guest/versions: $(sed '/^#/d' "$HERE/versions" | tr '\n' ' ')"
}

build_kernel() {
    say "configuring the kernel"
    configure_kernel "$HERE/kernel.config"
    say "compiling the kernel (log: $CACHE/kernel.log)"
    make_kernel kernel Image
    gzip -9nc "$BUILD/arch/riscv/boot/Image" >"$OUT/Image.gz"
}

freestanding() { # NAME OPTION...: compiles a program of the initramfs that needs no C library
    run "$1.log" "${CROSS}gcc" -Os -march=rv64gc -mabi=lp64d -ffreestanding -fno-stack-protector -fno-pie -nostdlib -static -no-pie \
        -fno-asynchronous-unwind-tables -Wl,--build-id=none,-z,norelro -s -Wall -Werror "${@:2}" -o "$CACHE/$1" "$HERE/initramfs/$1.c"
}

build_initramfs() {
    local busybox list=$CACHE/initramfs.list cpio=$CACHE/initramfs.cpio gen=$CACHE/gen_init_cpio
    say "building the initramfs"
    debian_get "$BUSYBOX_PKG=$(pinned "$BUSYBOX_PKG")"
    busybox=$UNPACKED/usr/bin/busybox
    applets "$busybox" >"$CACHE/applets"
    grep -qx sh "$CACHE/applets" || die "cannot read the applet names of $busybox"
    { sed "/^#/d; s|@HERE@|$HERE/initramfs|; s|@BUSYBOX@|$busybox|; s|@PROGRAMS@|$CACHE|" "$HERE/initramfs/files"
      sed 's|.*|slink /bin/& busybox 0777 0 0|' "$CACHE/applets"; } >"$list"
    freestanding console
    freestanding run-command -I"$SOURCE/tools/include/nolibc"
    run gen_init_cpio.log gcc -O1 -o "$gen" "$SOURCE/usr/gen_init_cpio.c"
    "$gen" -t "$SOURCE_DATE_EPOCH" "$list" >"$cpio" || die "gen_init_cpio failed on $list"
    gzip -9nc "$cpio" >"$OUT/initramfs.cpio.gz"
}

need "${DEBIAN_TOOLS[@]}" "${KERNEL_TOOLS[@]}"
debian_setup
[[ -z $UPDATE ]] || update_versions
if [[ $(compiler_version) != $(pinned "$COMPILER_PKG") ]]; then
    say "note: $COMPILER_PKG is $(compiler_version) here; with another version than $(pinned "$COMPILER_PKG") the kernel's hash differs"
fi
mkdir -p "$OUT"
unpack_source "$(pinned "$KERNEL_PKG")"
[[ -n $ONLY ]] || build_kernel
build_initramfs
if [[ -n $CHECK ]]; then
    (cd "$OUT" && sha256sum --quiet -c "$HERE/images/SHA256SUMS") || die "the rebuilt images in $OUT differ from guest/images"
    say "the rebuilt images are the same as guest/images"
else
    cd "$OUT"
    results=(initramfs.cpio.gz)
    [[ ! -e Image.gz ]] || results=(Image.gz "${results[@]}")
    sha256sum "${results[@]}" >SHA256SUMS
    say "done: $OUT"
    wc -c "${results[@]}" | sed '/total$/d'
fi
