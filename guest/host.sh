#!/usr/bin/env bash
# Builds what a host under DuVisor boots: see --help and README.md.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/debian.sh
. "$HERE/debian.sh"
# shellcheck source=guest/kernel.sh
. "$HERE/kernel.sh"

usage() {
    cat <<END
Usage: guest/host.sh [OPTION]... PROFILE
Builds the host's kernel, its modules, duvisor.ko and an initramfs, from
Debian $SUITE's sources and packages; prints the folder with the results. What
is there already and made by the same recipe is not built again.

Profiles: a folder of guest/host each, with a list of "packages" and an
"overlay" of files, both optional:
$(for p in "$HERE"/host/*/; do printf '  %-14s %s\n' "$(basename "$p")" "$(sed -n 1p "$p/about" 2>/dev/null)"; done)

  --where        only print the folder; fails when it is not up to date
  --overlay DIR  files to put over the profile's own; may be repeated
  --debug        a kernel that checks its own locking and memory (slow)
  --stock        Debian's own kernel, and those of its modules that the profile loads
  --cache DIR    downloads and sources       (default: $(default_cache))
  --out DIR      build trees and results     (default: $(default_out))
  --mirror URI   the Debian archive to use   (default: this machine's own)
  --jobs N       parallel compile jobs       (default: number of CPUs)
  --help         this text

Results: Image, initramfs.cpio.gz, RECIPE. Ten minutes the first time, a few
seconds when only driver/ has changed; 3 GB in the cache. Nothing is installed.
END
}

default_out() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/duvisor/host"; }

CACHE='' OUT='' MIRROR=${DUVISOR_DEBIAN_MIRROR:-} JOBS=$(nproc) WHERE='' DEBUG='' STOCK='' PROFILE='' OVERLAYS=()
while (($#)); do
    case $1 in
    --overlay | --cache | --out | --mirror | --jobs)
        (($# > 1)) || die "$1 needs a value (see --help)"
        case $1 in
        --overlay) [[ -d $2 ]] || die "there is no folder $2"; OVERLAYS+=("$(cd "$2" && pwd)") ;;
        --cache) CACHE=$2 ;;
        --out) OUT=$2 ;;
        --mirror) MIRROR=$2 ;;
        --jobs) [[ $2 =~ ^[1-9][0-9]*$ ]] || die "--jobs wants a number, not '$2'"; JOBS=$2 ;;
        esac
        shift 2 ;;
    --where) WHERE=1; shift ;;
    --debug) DEBUG=1; shift ;;
    --stock) STOCK=1; shift ;;
    --help | -h) usage; exit 0 ;;
    -*) die "unknown option '$1' (see --help)" ;;
    *) [[ -z $PROFILE ]] || die "one profile at a time"; PROFILE=$1; shift ;;
    esac
done
[[ -z $DEBUG || -z $STOCK ]] || die "--debug and --stock exclude each other"
[[ -n $PROFILE ]] || die "no profile named (see --help)"
RECIPE=$HERE/host/$PROFILE
[[ $PROFILE =~ ^[a-z0-9-]+$ && -d $RECIPE ]] || die "there is no profile '$PROFILE' in guest/host"
DRIVER=$HERE/../driver
OUT=${OUT:-$(default_out)}
if [[ -z $WHERE ]]; then
    open_cache
    mkdir -p "$OUT" 2>/dev/null || die "cannot create $OUT"
    OUT=$(cd "$OUT" && pwd)
fi

# ---- keys: a stage is built again when what it is made from has changed

key() { sha256sum | cut -c1-16; }

# contents PATH...: the files under them, with names, modes and hashes
contents() {
    local path
    for path; do
        [[ -e $path ]] || continue
        (cd "$(dirname "$path")" && find "$(basename "$path")" ! -type d ! -name '*~' -printf '%M %l %p\n' | sort &&
            find "$(basename "$path")" -type f ! -name '*~' -print0 | sort -z | xargs -0 -r sha256sum)
    done
}

FRAGMENTS=("$HERE/kernel.config" "$HERE/host.config")
FILES=1984 # that a build of them makes, for the progress
[[ -z $DEBUG ]] || { FRAGMENTS+=("$HERE/debug.config"); FILES=2026; }
COMPILER=$("${CROSS}gcc" -dumpfullversion 2>/dev/null || echo none)
# The text of a fragment, not what is said of it, and the one function that makes a configuration of it.
KERNEL_KEY=$({ echo "$COMPILER${STOCK:+ stock}"; declare -f configure_kernel; grep -h CONFIG_ "${FRAGMENTS[@]}"; } | key)
DRIVER_KEY=$({ echo "$KERNEL_KEY"; contents "$DRIVER"/*.[ch] "$DRIVER/Kbuild" "$DRIVER/selftest"; } | key)
IMAGE_KEY=$({ echo "$DRIVER_KEY"; contents "$HERE/host.sh" "$RECIPE" ${OVERLAYS[@]+"${OVERLAYS[@]}"}; } | key)
KERNEL=$OUT/kernel-$KERNEL_KEY MODULE=$OUT/module-$DRIVER_KEY IMAGE=$OUT/$PROFILE-$IMAGE_KEY
BUILD=$KERNEL/build

if [[ -n $WHERE ]]; then
    [[ -e $IMAGE/RECIPE ]] || die "the host image '$PROFILE' is not built, or its recipe has changed: guest/host.sh $PROFILE"
    printf '%s\n' "$IMAGE"
    exit 0
fi

# ---- stages

find_source() { # the version that the archive serves, or the one this kernel was made from
    local version
    version=$(cat "$KERNEL/version" 2>/dev/null || served "$KERNEL_PKG")
    [[ -n $version ]] || die "Debian $SUITE ($DEB_ARCH) has no package $KERNEL_PKG"
    unpack_source "$version"
    mkdir -p "$KERNEL"
    printf '%s\n' "$version" >"$KERNEL/version"
}

# Debian's kernel, and a build tree for modules of it: its headers come with tools of the wrong architecture, so the tree
# is prepared from the source, and what the headers know of the real build is put over it.
take_stock_kernel() {
    local release headers
    [[ ! -e $KERNEL/.done ]] || return 0
    release=$(papt apt-cache depends linux-image-riscv64 | sed -n 's/.*Depends: linux-image-//p' | head -n1)
    [[ -n $release ]] || die "Debian $SUITE ($DEB_ARCH) has no stock kernel"
    debian_get "linux-headers-$release"
    headers=$UNPACKED/usr/src/linux-headers-$release
    debian_get "linux-image-$release"
    say "preparing a build tree for modules of $release"
    rm -rf "$BUILD"; mkdir -p "$BUILD"
    cp "$headers/.config" "$BUILD/.config"
    make_kernel stock-config olddefconfig
    make_kernel stock-prepare modules_prepare KERNELRELEASE="$release"
    cp -r "$headers/.config" "$headers/Module.symvers" "$headers/include" "$BUILD/"
    mkdir -p "$KERNEL/root"
    cp "$UNPACKED/boot/vmlinux-$release" "$KERNEL/Image"
    printf '%s\n' "$release" >"$KERNEL/release"
    : >"$KERNEL/.done"
}

build_kernel() {
    [[ ! -e $KERNEL/.done ]] || return 0
    if [[ ! -e $BUILD/.configured ]]; then
        say "configuring the host's kernel"
        configure_kernel "${FRAGMENTS[@]}"
        : >"$BUILD/.configured"
    fi
    say "compiling the host's kernel and modules (log: $CACHE/host-kernel.log; --stock does without)"
    make_watched "$FILES" host-kernel Image modules
    rm -rf "$KERNEL/root"
    make_kernel host-modules modules_install INSTALL_MOD_PATH="$KERNEL/root/usr" INSTALL_MOD_STRIP=1
    find "$KERNEL/root" -type l -delete # to the build tree
    cp "$BUILD/arch/riscv/boot/Image" "$KERNEL/Image"
    make -s -C "$SOURCE" O="$BUILD" ARCH=riscv CROSS_COMPILE="$CROSS" kernelrelease >"$KERNEL/release"
    : >"$KERNEL/.done"
}

build_driver() {
    [[ ! -e $MODULE/.done ]] || return 0
    say "compiling duvisor.ko and its self-test"
    rm -rf "$MODULE"
    cp -r "$DRIVER" "$MODULE"
    make_kernel host-driver M="$MODULE" modules
    run host-selftest.log make -C "$MODULE/selftest" CROSS_COMPILE="$CROSS"
    : >"$MODULE/.done"
}

# stock_modules DIR: of the stock kernel's modules, those that the profile loads, and those that it may.
stock_modules() {
    local release module file
    release=$(cat "$KERNEL/release")
    debian_get "linux-image-$release"
    while read -r module; do
        file=$(find "$UNPACKED/usr/lib/modules" -name "$module.ko.xz")
        [[ -n $file ]] || continue
        mkdir -p "$1/usr/lib/modules/$release/kernel"
        xz -dc "$file" >"$1/usr/lib/modules/$release/kernel/$module.ko" || die "cannot unpack $file"
    done < <(cat "$RECIPE/overlay/modules" "$RECIPE/more-modules" 2>/dev/null)
}

# tree SOURCE DIR: copies a tree over the root; a folder that is a link in the root stays one
tree() { tar -C "$1" --exclude=./.done -cf - . | tar -C "$2" --keep-directory-symlink -xf -; }

fill_root() { # DIR
    local root=$1 folder applet overlay release packages=()
    release=$(cat "$KERNEL/release")
    mkdir -p "$root"/{dev,etc,mnt,proc,root,run,sys,tmp,var} "$root"/usr/{bin,sbin,lib,lib64,lib/duvisor}
    for applet in bin sbin lib lib64; do ln -s "usr/$applet" "$root/$applet"; done
    [[ ! -e $RECIPE/packages ]] || mapfile -t packages < <(sed 's/#.*//; /^[[:space:]]*$/d' "$RECIPE/packages")
    debian_get ${packages[@]+"${packages[@]}"} "$BUSYBOX_PKG"
    for folder in "${FOLDERS[@]::${#packages[@]}}"; do tree "$folder" "$root"; done
    cp "$UNPACKED/usr/bin/busybox" "$root/usr/bin/busybox"
    while read -r applet; do
        [[ -e $root/usr/bin/$applet || -e $root/usr/sbin/$applet ]] || ln -s busybox "$root/usr/bin/$applet"
    done < <(applets "$root/usr/bin/busybox")
    tree "$KERNEL/root" "$root"
    [[ -z $STOCK || ! -e $RECIPE/overlay/modules ]] || stock_modules "$root"
    mkdir -p "$root/usr/lib/modules/$release/extra"
    "${CROSS}strip" -g -o "$root/usr/lib/modules/$release/extra/duvisor.ko" "$MODULE/duvisor.ko"
    depmod -b "$root" "$release" 2>/dev/null || die "depmod failed for $release"
    make -s -C "$MODULE/selftest" CROSS_COMPILE="$CROSS" DESTDIR="$root" install
    for overlay in "$RECIPE/overlay" ${OVERLAYS[@]+"${OVERLAYS[@]}"}; do
        [[ ! -d $overlay ]] || tree "$overlay" "$root"
    done
    [[ -e $root/init ]] || die "the profile '$PROFILE' has no overlay/init"
}

pack_root() { # DIR FILE: an initramfs of a tree, everything owned by root
    local gen=$CACHE/gen_init_cpio list=$CACHE/host.list.$$
    run gen_init_cpio.log gcc -O1 -o "$gen" "$SOURCE/usr/gen_init_cpio.c"
    { find "$1" -mindepth 1 -type d -printf 'dir /%P 0%m 0 0\n' | sort -k2,2
      printf 'nod /dev/console 0600 0 0 c 5 1\nnod /dev/null 0666 0 0 c 1 3\n'
      find "$1" -mindepth 1 \( -type l -printf 'slink /%P %l 0777 0 0\n' \
          -o -type f -printf "file /%P $1/%P 0%m 0 0\n" \) | sort -k2,2; } >"$list"
    "$gen" -t "$SOURCE_DATE_EPOCH" "$list" | gzip -6n >"$2" || die "cannot pack $1"
    rm -f "$list"
}

build_image() {
    local part=$IMAGE.part
    say "building the initramfs of '$PROFILE'"
    rm -rf "$part"; mkdir -p "$part"
    fill_root "$part/root"
    pack_root "$part/root" "$part/initramfs.cpio.gz"
    rm -rf "$part/root"
    ln "$KERNEL/Image" "$part/Image" 2>/dev/null || cp "$KERNEL/Image" "$part/Image"
    printf '%s\n' "kernel $(cat "$KERNEL/version") $KERNEL_KEY" "driver $DRIVER_KEY" "compiler $COMPILER" >"$part/RECIPE"
    rm -rf "$IMAGE"; mv "$part" "$IMAGE"
}

[[ -z $STOCK ]] || KERNEL_TOOLS+=("${STOCK_TOOLS[@]}")
need "${DEBIAN_TOOLS[@]}" "${KERNEL_TOOLS[@]}"
exec 3>&1 >&2 # progress goes to where errors go; the result is the one line on the standard output
debian_setup
exec 9>"$OUT/.lock-$KERNEL_KEY"
flock 9 || die "cannot lock $OUT"
if [[ ! -e $IMAGE/RECIPE ]]; then
    find_source
    if [[ -n $STOCK ]]; then take_stock_kernel; else build_kernel; fi
    build_driver
    build_image
fi
[[ -n $DEBUG$STOCK ]] || ln -sfn "$PROFILE-$IMAGE_KEY" "$OUT/$PROFILE"
printf '%s\n' "$IMAGE" >&3
