#!/usr/bin/env bash
# Builds everything that "duvisor host" boots: see --help.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/debian.sh
. "$HERE/debian.sh"
# shellcheck source=guest/kernel.sh
. "$HERE/kernel.sh"

usage() {
    cat <<END
Usage: guest/full-stack.sh --jars DIR [OPTION]...
Builds what the full stack boots - firmware, the host's kernel with its modules
and duvisor.ko, its root file system with a JVM, QEMU and DuVisor - and prints
where each is: lines of NAME=FILE. What is there and up to date is not built.

  --jars DIR     DuVisor, built: duvisor.jar and lib/
  --extra DIR    also copy what is in DIR to the root file system
  --stock        Debian's own kernel: nothing of it is compiled but duvisor.ko
  --where        build nothing; fails when something is missing or not up to date
  --cache DIR    downloads and sources       (default: $(default_cache))
  --mirror URI   the Debian archive to use   (default: this machine's own)
  --help         this text
END
}

CACHE='' MIRROR=${DUVISOR_DEBIAN_MIRROR:-} JARS='' ROOT_OPTIONS=() COMMON=() HOST=() WHERE=''
while (($#)); do
    case $1 in
    --jars | --extra | --cache | --mirror)
        (($# > 1)) || die "$1 needs a value (see --help)"
        case $1 in
        --jars) JARS=$2; ROOT_OPTIONS+=("$1" "$2") ;;
        --extra) ROOT_OPTIONS+=("$1" "$2") ;;
        --cache) CACHE=$2; COMMON+=("$1" "$2") ;;
        --mirror) MIRROR=$2; COMMON+=("$1" "$2") ;;
        esac
        shift 2 ;;
    --stock) HOST=(--stock); shift ;;
    --where) WHERE=1; shift ;;
    --help | -h) usage; exit 0 ;;
    *) die "unknown argument '$1' (see --help)" ;;
    esac
done
[[ -n $JARS ]] || die "--jars is needed (see --help)"
open_cache

# The newest OpenSBI in the cache.
firmware() {
    local file newest=''
    for file in "$CACHE"/deb/opensbi_*/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf; do
        [[ ! -e $file ]] || newest=$file
    done
    [[ -n $newest ]] && printf '%s\n' "$newest"
}

host() { "$HERE/host.sh" ${COMMON[@]+"${COMMON[@]}"} ${HOST[@]+"${HOST[@]}"} "$@" full; }
root() { "$HERE/host-root.sh" ${COMMON[@]+"${COMMON[@]}"} --out "$root" "${ROOT_OPTIONS[@]}" "$@"; }
fetch_firmware() { "$HERE/fetch-debian.sh" ${COMMON[@]+"${COMMON[@]}"} opensbi >/dev/null && firmware; }

exec 3>&1 >&2 # progress goes to where errors go
root=$CACHE/host/root.img
if [[ -n $WHERE ]]; then
    image=$(host --where)
    root --where
    firmware=$(firmware) || die "the firmware is not in the cache: guest/fetch-debian.sh opensbi"
elif ! { image=$(host --where) && root --where && firmware=$(firmware); } >/dev/null 2>&1; then
    ((${#HOST[@]} == 0)) || KERNEL_TOOLS+=("${STOCK_TOOLS[@]}")
    need "${DEBIAN_TOOLS[@]}" "${KERNEL_TOOLS[@]}" "${ROOT_TOOLS[@]}" # of all stages, before the first
    image=$(host)
    root
    firmware=$(firmware) || firmware=$(fetch_firmware)
fi
printf '%s\n' "firmware=$firmware" "kernel=$image/Image" "initrd=$image/initramfs.cpio.gz" "root=$root" >&3
