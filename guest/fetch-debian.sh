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
Nothing is installed, and dependencies are not followed.

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
debian_setup >&2
for package in "${PACKAGES[@]}"; do
    debian_get "$package" >&2
    printf '%s\n' "$UNPACKED"
done
