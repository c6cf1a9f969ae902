#!/usr/bin/env bash
# Builds a Debian root file system for the board: see --help.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/debian.sh
. "$HERE/debian.sh"
RECIPE=$HERE/debian-root

usage() {
    cat <<END
Usage: guest/debian-root.sh [OPTION]...
Makes a bootable Debian $SUITE for $DEB_ARCH in the cache: a disk image (ext4) with
systemd, apt, gcc and a JVM, the stock kernel and its initrd. Prints the folder
that holds root.img, vmlinux and initrd.img. Nothing is done when that recipe
(this script and guest/debian-root/) was built before.

  --cache DIR    where                      (default: $(default_cache))
  --mirror URI   the Debian archive to use  (default: this machine's own)
  --keep         keep the unpacked tree
  --help         this text

It installs nothing on this machine, but needs root: files of a root file system
have many owners.
Root logs in without a password. Boot it with:
  D=\$(guest/debian-root.sh); B=\$(guest/fetch-debian.sh opensbi)
  ./duvisor machine --bios \$B/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin \\
      --kernel \$D/vmlinux --initrd \$D/initrd.img --disk \$D/root.img --memory 4G --smp 4 \\
      --append "root=/dev/vda rw console=ttyS0"
END
}

CACHE='' MIRROR=${DUVISOR_DEBIAN_MIRROR:-} KEEP=0
while (($#)); do
    case $1 in
    --cache | --mirror)
        (($# > 1)) || die "$1 needs a value (see --help)"
        case $1 in --cache) CACHE=$2 ;; --mirror) MIRROR=$2 ;; esac
        shift 2 ;;
    --keep) KEEP=1; shift ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown option '$1' (see --help)" ;;
    esac
done
open_cache

# The recipe's identity: everything here that decides what comes out.
recipe_hash() { (cd "$HERE" && find debian-root.sh debian-root -type f | sort | xargs sha256sum) | sha256sum | cut -c1-16; }
OUT=$CACHE/debian-root/$(recipe_hash)
WORK=$CACHE/debian-root/.work
ROOT=$WORK/root
DISK_BYTES=4G # sparse

# in_namespace COMMAND...: in a user namespace with a range of ids, where mounts and binfmt_misc are our own.
in_namespace() {
    local pid child status=0
    rm -f "$WORK/pid" "$WORK/go"; mkfifo "$WORK/pid" "$WORK/go"
    # It waits until its maps are written, which only root may do for a range.
    # shellcheck disable=SC2016
    unshare --user sh -c 'echo $$ >"$0/pid"; read -r _ <"$0/go"; exec "$@"' "$WORK" \
        unshare --mount --pid --fork --kill-child "$@" &
    child=$!
    read -r pid <"$WORK/pid"
    echo '0 0 65536' >"/proc/$pid/uid_map"; echo '0 0 65536' >"/proc/$pid/gid_map"
    echo >"$WORK/go"
    wait "$child" || status=$?
    return "$status"
}

# Downloads every package that the list and its dependencies need.
download() {
    local list
    mapfile -t list < <(sed 's/#.*//' "$RECIPE/packages" | tr -s ' ' '\n' | grep .)
    mkdir -p "$WORK/archives/partial"
    say "downloading packages (log: $WORK/download.log)"
    papt apt-get -q -y -o "Dir::Cache::archives=$WORK/archives" -o APT::Install-Recommends=false -d install \
        '?essential' '?priority(required)' "${list[@]}" >"$WORK/download.log" 2>&1 ||
        die "download failed: $(grep -m1 '^E:' "$WORK/download.log" || tail -n1 "$WORK/download.log")"
}

# unpack DEB: its files, and its entry in dpkg's database as "unpacked". What dpkg --unpack does, without scripts:
# those need the other architecture and come second.
unpack() {
    local deb=$1 info=$ROOT/var/lib/dpkg/info control=$WORK/control name arch multi base file
    rm -rf "$control"
    dpkg-deb -e "$deb" "$control"
    name=$(dpkg-deb -f "$deb" Package) arch=$(dpkg-deb -f "$deb" Architecture) multi=$(dpkg-deb -f "$deb" Multi-Arch)
    base=$name
    [[ $multi != same ]] || base=$name:$arch
    dpkg-deb --fsys-tarfile "$deb" >"$WORK/files.tar"
    tar -x -p --numeric-owner --keep-directory-symlink -C "$ROOT" -f "$WORK/files.tar"
    tar -t -f "$WORK/files.tar" | sed 's|^\./|/|; s|^/$|/.|; s|\(.\)/$|\1|' >"$info/$base.list"
    {
        sed -n '/./p' "$control/control"
        printf 'Status: install ok unpacked\n'
        conffiles "$control"
        printf '\n'
    } >>"$ROOT/var/lib/dpkg/status"
    [[ ! -e $control/triggers ]] || interests "$name" "$control/triggers"
    rm -f "$control/control"
    for file in "$control"/*; do
        [[ ! -e $file ]] || mv "$file" "$info/$base.${file##*/}"
    done
}

# The hashes by which dpkg later knows a changed configuration file.
conffiles() {
    local file
    [[ -s $1/conffiles ]] || return 0
    printf 'Conffiles:\n'
    while read -r file; do
        [[ $file == /* && -f $ROOT$file ]] || continue
        printf ' %s %s\n' "$file" "$(md5sum <"$ROOT$file" | cut -d' ' -f1)"
    done <"$1/conffiles"
}

# Who wants to know of which files or events (deb-triggers(5)).
interests() {
    local kind what who
    while read -r kind what; do
        case $kind in
        interest | interest-await) who=$1 ;;
        interest-noawait) who=$1/noawait ;;
        *) continue ;;
        esac
        case $what in
        /*) printf '%s %s\n' "$what" "$who" >>"$ROOT/var/lib/dpkg/triggers/File" ;;
        *) printf '%s\n' "$who" >>"$ROOT/var/lib/dpkg/triggers/$what" ;;
        esac
    done < <(grep -v '^#' "$2")
}

first_stage() {
    local deb count=0 dir
    say "unpacking $(ls "$WORK"/archives/*.deb | wc -l) packages"
    mkdir -p "$ROOT"/usr/{bin,sbin,lib} "$ROOT"/var/lib/dpkg/{info,triggers,updates,alternatives} "$ROOT"/{dev,proc,sys,run,tmp}
    for dir in bin sbin lib; do ln -sfn usr/$dir "$ROOT/$dir"; done
    chmod 1777 "$ROOT/tmp"
    printf '1\n' >"$ROOT/var/lib/dpkg/info/format"
    printf '%s\n' "$DEB_ARCH" >"$ROOT/var/lib/dpkg/arch"
    : >"$ROOT/var/lib/dpkg/status"; : >"$ROOT/var/lib/dpkg/available"
    for deb in "$WORK"/archives/base-files_*.deb "$WORK"/archives/*.deb; do
        ((count++ == 0)) || [[ ${deb##*/} != base-files_* ]] || continue
        unpack "$deb"
    done
    cp -rT "$RECIPE/files" "$ROOT"
    cp "$RECIPE/configure" "$ROOT/usr/sbin/duvisor-configure"
    mkdir -p "$ROOT/etc/apt/sources.list.d"
    cat >"$ROOT/etc/apt/sources.list.d/debian.sources" <<END
Types: deb
URIs: $(find_mirror)
Suites: $SUITE
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
}

# Whether this machine's kernel lets a user namespace have its own table of interpreters (Linux 6.7).
can_emulate() { in_namespace sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc' 2>/dev/null; }

# The packages' scripts under qemu-user, as in a chroot.
configure() {
    local emulator
    emulator=$(command -v qemu-riscv64-static)
    # shellcheck disable=SC2016
    in_namespace sh -euc '
        mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
        # An ELF file, 64 bits, little-endian, for machine 243; F opens the emulator now, outside of the new root.
        printf "%s" ":riscv64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:$2:F" \
            >/proc/sys/fs/binfmt_misc/register
        mount --bind "$1" "$1"
        for node in null zero full random urandom tty; do
            : >"$1/dev/$node"; mount --bind "/dev/$node" "$1/dev/$node"
        done
        mount -t proc none "$1/proc"
        exec env -i PATH=/usr/sbin:/usr/bin HOME=/root TERM=dumb chroot "$1" /usr/sbin/duvisor-configure
    ' configure "$ROOT" "$emulator" >"$WORK/configure.log" 2>&1 </dev/null || return
    find "$ROOT/dev" -type f -delete
}

second_stage() {
    say "configuring the packages (log: $WORK/configure.log)"
    configure || die "configuring failed: $(grep -m1 -i error "$WORK/configure.log" || tail -n1 "$WORK/configure.log") (log: $WORK/configure.log)"
    rm -f "$ROOT/usr/sbin/duvisor-configure" "$ROOT/usr/sbin/policy-rc.d"
}

if [[ -e $OUT/.done ]]; then printf '%s\n' "$OUT"; exit 0; fi
((EUID == 0)) || die "needs root, for the owners of files"
need "${DEBIAN_TOOLS[@]}" unshare=util-linux mke2fs=e2fsprogs tar=tar qemu-riscv64-static=qemu-user-static
mkdir -p "$WORK"
exec 9>"$WORK/../lock"
flock -n 9 || { say "waiting for another build" >&2; flock 9; }
if [[ -e $OUT/.done ]]; then printf '%s\n' "$OUT"; exit 0; fi
can_emulate || die "this machine gives no user namespace a binfmt_misc of its own (Linux 6.7 does, where user namespaces are allowed)"
{
    debian_setup
    rm -rf "$ROOT"
    download
    first_stage
    second_stage
    say "making the disk image"
    rm -rf "$OUT"; mkdir -p "$OUT"
    cp "$ROOT"/boot/vmlinux-* "$OUT/vmlinux"
    cp "$ROOT"/boot/initrd.img-* "$OUT/initrd.img"
    mke2fs -q -t ext4 -L debian -d "$ROOT" "$OUT/root.img" "$DISK_BYTES"
    : >"$OUT/.done"
    ((KEEP)) || rm -rf "$ROOT"
} >&2
printf '%s\n' "$OUT"
