#!/usr/bin/env bash
# Brings Debian packages for riscv64 (or "all") and unpacks them: see --help.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/debian.sh
. "$HERE/debian.sh"

usage() {
    cat <<END
Usage: guest/fetch-debian.sh [OPTION]... PACKAGE[=VERSION]...
Downloads packages of Debian $SUITE for $DEB_ARCH (or "all") and unpacks each
with dpkg -x into a folder of the cache; prints those folders, one a line.
Nothing is installed, and dependencies are not followed, but for those of a
package that is empty.

  --cache DIR    where                      (default: $(default_cache))
  --mirror URI   the Debian archive to use  (default: this machine's own)
  --refresh      fetch the package lists again, though they are fresh
  --help         this text

Example: ls "\$(guest/fetch-debian.sh opensbi)/usr/lib/riscv64-linux-gnu/opensbi/generic"
END
}

CACHE='' MIRROR=${DUVISOR_DEBIAN_MIRROR:-} REFRESH=0 PACKAGES=()
while (($#)); do
    case $1 in
    --cache | --mirror)
        (($# > 1)) || die "$1 needs a value (see --help)"
        case $1 in --cache) CACHE=$2 ;; --mirror) MIRROR=$2 ;; esac
        shift 2 ;;
    --refresh) REFRESH=1; shift ;;
    --help | -h) usage; exit 0 ;;
    -*) die "unknown option '$1' (see --help)" ;;
    *) [[ $1 =~ ^[a-z0-9][a-z0-9+.-]*(=[A-Za-z0-9.+:~-]+)?$ ]] || die "'$1' is no package name"; PACKAGES+=("$1"); shift ;;
    esac
done
((${#PACKAGES[@]})) || die "no package named (see --help)"
open_cache
need "${DEBIAN_TOOLS[@]}"

# follow FOLDER PACKAGE: what an empty package is for, when that is one other; sets FOLDER.
follow() {
    local wanted
    FOLDER=$1
    [[ -z $(find "$1" ! -type d ! -path "$1/usr/share/*/$2*" ! -name .done -print -quit) ]] || return 0
    mapfile -t wanted < <(papt apt-cache depends --no-recommends --no-suggests "$2" | sed -n 's/^ *Depends: //p')
    ((${#wanted[@]} == 1)) || die "$2 is empty; it is there for what it depends on: ${wanted[*]:-nothing}"
    say "$2 is empty; it is there for ${wanted[0]}"
    debian_get "${wanted[0]}"
    follow "$UNPACKED" "${wanted[0]}"
}

exec 3>&1 >&2 # progress goes to where errors go
debian_setup
debian_get "${PACKAGES[@]}"
GOT=("${FOLDERS[@]}")
for i in "${!PACKAGES[@]}"; do
    follow "${GOT[i]}" "${PACKAGES[i]%%=*}"
    printf '%s\n' "$FOLDER" >&3
done
