#!/usr/bin/env bash
# Builds the root file system of the full stack's host: see --help.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/debian.sh
. "$HERE/debian.sh"
# shellcheck source=guest/kernel.sh
. "$HERE/kernel.sh"

usage() {
    cat <<END
Usage: guest/host-root.sh --jars DIR [OPTION]...
Builds an ext4 image for the host of the full stack: Debian $SUITE's riscv64
JVM and QEMU with the libraries they need, busybox, DuVisor and its guest.

  --jars DIR     DuVisor, built: duvisor.jar and lib/ (a change of only its
                 revision.properties makes no new image)
  --extra DIR    also copy what is in DIR to the image's root (again for more)
  --no-qemu      without QEMU
  --where        only print the image's name; fails when it is not up to date
  --out FILE     put the image there           (default: the cache's host/root.img)
  --cache DIR    downloads                     (default: $(default_cache))
  --mirror URI   the Debian archive to use     (default: this machine's own)
  --help         this text

The image is made anew only when what it is made from has changed. Nothing is
installed. 300 MB in the cache, a minute and the downloads.
END
}

CACHE='' MIRROR=${DUVISOR_DEBIAN_MIRROR:-} OUT='' JARS='' EXTRA=() QEMU=1 WHERE=''
while (($#)); do
    case $1 in
    --jars | --extra | --out | --cache | --mirror)
        (($# > 1)) || die "$1 needs a value (see --help)"
        case $1 in
        --jars) JARS=$2 ;;
        --extra) EXTRA+=("$2") ;;
        --out) OUT=$2 ;;
        --cache) CACHE=$2 ;;
        --mirror) MIRROR=$2 ;;
        esac
        shift 2 ;;
    --no-qemu) QEMU=''; shift ;;
    --where) WHERE=1; shift ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$1' (see --help)" ;;
    esac
done
[[ -n $JARS ]] || die "--jars is needed (see --help)"
[[ -f $JARS/duvisor.jar && -d $JARS/lib ]] || die "$JARS holds no duvisor.jar and lib/: build DuVisor first"
JARS=$(cd "$JARS" && pwd)
for i in ${EXTRA[@]+"${!EXTRA[@]}"}; do
    [[ -d ${EXTRA[i]} ]] || die "${EXTRA[i]} is no folder"
    EXTRA[i]=$(cd "${EXTRA[i]}" && pwd)
done
open_cache
OUT=${OUT:-$CACHE/host/root.img}

LIBS=riscv64-linux-gnu
PROGRAMS=(busybox-static openjdk-25-jre-headless)
[[ -z $QEMU ]] || PROGRAMS+=(qemu-system-riscv qemu-system-data)
ROOT=$CACHE/host/root

# Everything that decides what is in the image, as one hash.
recipe() {
    {
        printf '%s\n' "${PROGRAMS[@]}" "$QEMU"
        cd "$HERE" && sha256sum host-root.sh debian.sh images/Image.gz images/initramfs.cpio.gz images/micro.elf
        find host-root initramfs/etc -type f -print0 | sort -z | xargs -0 sha256sum
        cd "$JARS" && find -L duvisor.jar lib -type f -print0 | sort -z | xargs -0r sha256sum
        for dir in ${EXTRA[@]+"${EXTRA[@]}"}; do
            cd "$dir" && find -L . -type f -print0 | sort -z | xargs -0r sha256sum
        done
    } | sha256sum | cut -d' ' -f1
}

# dependencies PACKAGE...: the names of the libraries' packages they depend on, all the way down.
dependencies() {
    papt apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances "$@" | sed -n 's/^\(lib[a-z0-9.+-]*\|zlib1g\)$/\1/p' | sort -u
}

# copy_libraries FILE...: what they load, directly and not, from the packages in POOL.
copy_libraries() {
    local todo=("$@") file name found
    while ((${#todo[@]})); do
        file=${todo[0]}; todo=("${todo[@]:1}")
        while read -r name; do
            [[ ! -e $ROOT/usr/lib/$LIBS/$name && -z ${OWN[$name]:-} ]] || continue
            found=''
            for dir in "${POOL[@]}"; do
                for place in "$dir/usr/lib/$LIBS/$name" "$dir/usr/lib/$name" "$dir/lib/$LIBS/$name"; do
                    [[ ! -e $place ]] || { found=$place; break 2; }
                done
            done
            [[ -n $found ]] || die "no package brings $name, which ${file##*/} needs"
            cp -L "$found" "$ROOT/usr/lib/$LIBS/$name"
            todo+=("$ROOT/usr/lib/$LIBS/$name")
        done < <(readelf -dW "$file" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    done
}

copy_java() {
    local from to=$ROOT/usr/lib/jvm/java
    UNPACKED=${PACKAGE[openjdk-25-jre-headless]}
    from=$(echo "$UNPACKED"/usr/lib/jvm/java-25-openjdk-riscv64)
    mkdir -p "$to" "$ROOT/etc"
    cp -a "$from/bin" "$from/conf" "$from/lib" "$from/release" "$to/"
    cp -a "$UNPACKED"/etc/java-25-openjdk "$ROOT/etc/"
    # Archives of classes for other layouts of the heap, and what needs a display or sound.
    rm -f "$to"/lib/server/classes_*.jsa "$to"/lib/lib{awt*,mlib_image,fontmanager,javajpeg,lcms,jsound,j2pcsc}.so
    for file in "$to"/lib/*.so "$to"/lib/server/*.so; do OWN[${file##*/}]=1; done
    copy_libraries "$to"/bin/java "$to"/lib/*.so "$to"/lib/server/*.so
    ln -s ../lib/jvm/java/bin/java "$ROOT/usr/bin/java"
}

copy_qemu() {
    UNPACKED=${PACKAGE[qemu-system-riscv]}
    cp -L "$UNPACKED/usr/bin/qemu-system-riscv64" "$ROOT/usr/bin/"
    copy_libraries "$ROOT/usr/bin/qemu-system-riscv64"
    UNPACKED=${PACKAGE[qemu-system-data]}
    mkdir -p "$ROOT/usr/share/qemu"
    cp -L "$UNPACKED"/usr/share/qemu/efi-virtio.rom "$ROOT/usr/share/qemu/" 2>/dev/null || true
    # csrwi scounteren, 7; li t0, 1; slli t0, t0, 31; jr t0: for qemu-kvm, which says why
    printf '\x73\xd0\x63\x10\x93\x02\x10\x00\x93\x92\xf2\x01\x67\x80\x02\x00' >"$ROOT/usr/share/duvisor/counters.bin"
}

copy_duvisor() {
    mkdir -p "$ROOT/usr/share/duvisor/guest/images"
    cp -L "$JARS/duvisor.jar" "$ROOT/usr/share/duvisor/"
    [[ ! -e $JARS/revision.properties ]] || cp -L "$JARS/revision.properties" "$ROOT/usr/share/duvisor/"
    cp -RL "$JARS/lib" "$ROOT/usr/share/duvisor/"
    cp "$HERE"/images/{Image.gz,initramfs.cpio.gz,micro.elf} "$ROOT/usr/share/duvisor/guest/images/"
    ln -s guest/images/initramfs.cpio.gz "$ROOT/usr/share/duvisor/"
    gzip -dc "$HERE/images/Image.gz" >"$ROOT/usr/share/duvisor/Image" # QEMU takes no compressed one
}

build_root() {
    local packages applet i
    declare -gA OWN=()
    declare -ga POOL
    rm -rf "$ROOT"
    mkdir -p "$ROOT"/{dev,etc,mnt,proc,root,run,sys,tmp,var,usr/{bin,lib/{$LIBS,modules},share}}
    ln -s usr/bin "$ROOT/bin"; ln -s usr/bin "$ROOT/sbin"; ln -s bin "$ROOT/usr/sbin"; ln -s usr/lib "$ROOT/lib"
    ln -s ../run "$ROOT/var/run"; ln -s ../proc/mounts "$ROOT/etc/mtab"
    declare -gA PACKAGE=()
    mapfile -t packages < <(versions $(dependencies "${PROGRAMS[@]}") "${PROGRAMS[@]}")
    debian_get "${packages[@]}"
    for i in "${!packages[@]}"; do PACKAGE[${packages[i]%%=*}]=${FOLDERS[i]}; done
    POOL=("${FOLDERS[@]}")
    UNPACKED=${PACKAGE[busybox-static]}
    cp "$UNPACKED/usr/bin/busybox" "$ROOT/usr/bin/"
    applets "$UNPACKED/usr/bin/busybox" | while read -r applet; do ln -s busybox "$ROOT/usr/bin/$applet"; done
    UNPACKED=${PACKAGE[libc6]}
    cp -L "$UNPACKED/usr/lib/ld-linux-riscv64-lp64d.so.1" "$ROOT/usr/lib/"
    OWN[ld-linux-riscv64-lp64d.so.1]=1
    copy_java
    copy_duvisor
    [[ -z $QEMU ]] || copy_qemu
    cp "$HERE"/initramfs/etc/{group,hosts,passwd,udhcpc.script} "$ROOT/etc/"
    cp -a "$HERE/host-root/." "$ROOT/"
    for dir in ${EXTRA[@]+"${EXTRA[@]}"}; do cp -RL "$dir/." "$ROOT/"; done
}

want=$(recipe)
if [[ -n $WHERE ]]; then
    [[ -e $OUT && $(cat "$OUT.recipe" 2>/dev/null) = "$want" ]] ||
        die "the host's root file system is not built, or what it is made from has changed"
    printf '%s\n' "$OUT"
    exit 0
fi
need "${DEBIAN_TOOLS[@]}" "${ROOT_TOOLS[@]}"
debian_setup
mkdir -p "$CACHE/host" "$(dirname "$OUT")"
exec 9>"$OUT.lock"
flock 9 || die "cannot lock $OUT"
if [[ -e $OUT && $(cat "$OUT.recipe" 2>/dev/null) = "$want" ]]; then
    say "up to date: $OUT"
    exit 0
fi
say "building the host's root file system"
build_root
rm -f "$OUT.recipe" "$OUT.part"
kib=$(du -sk --apparent-size "$ROOT" | cut -f1)
mke2fs -q -t ext4 -d "$ROOT" -L duvisor-host -m 0 -O ^has_journal,^metadata_csum,^resize_inode -I 256 -N 4096 \
    -E root_owner=0:0,lazy_itable_init=0 "$OUT.part" "$((kib * 11 / 10 + 65536))k" >"$CACHE/mke2fs.log" 2>&1 ||
    die "mke2fs failed: $(tail -n1 "$CACHE/mke2fs.log")"
mv "$OUT.part" "$OUT"
printf '%s\n' "$want" >"$OUT.recipe"
rm -rf "$ROOT"
say "done: $OUT ($(du -h "$OUT" | cut -f1))"
