# Shared by the scripts here: a private apt that brings Debian
# packages of any architecture without touching the machine's own apt state.
# To be sourced. The caller sets CACHE, and may set MIRROR.
# shellcheck shell=bash

SUITE=trixie
DEB_ARCH=riscv64
PATH=$PATH:/usr/sbin:/sbin # where depmod and mke2fs are, for every user

# What the scripts need, as arguments of need(): to bring packages, and to make a root file system.
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
DEBIAN_TOOLS=(apt-get=apt dpkg-deb=dpkg flock=util-linux "$KEYRING=debian-archive-keyring")
ROOT_TOOLS=(mke2fs=e2fsprogs readelf=binutils sha256sum=coreutils)

say() { printf '== %s\n' "$*"; }
die() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

default_cache() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/duvisor/guest"; }

# open_cache: makes CACHE an absolute path of an existing folder.
open_cache() {
    CACHE=${CACHE:-$(default_cache)}
    mkdir -p "$CACHE" 2>/dev/null || die "cannot create the cache folder $CACHE"
    CACHE=$(cd "$CACHE" && pwd)
    [[ $CACHE != *[[:space:]:]* ]] || die "the cache folder's path may contain no space or colon: $CACHE"
}

# need TOOL=PACKAGE...: one line that names everything missing. A TOOL that
# starts with a slash is a file.
need() {
    local item miss=()
    for item; do
        case $item in
        /*) [[ -e ${item%%=*} ]] ;;
        *) command -v "${item%%=*}" >/dev/null 2>&1 ;;
        esac || miss+=("${item#*=}")
    done
    ((${#miss[@]} == 0)) || die "missing host tools; install the Debian packages $(printf '%s\n' "${miss[@]}" | sort -u | paste -sd ' ')"
}

# The Debian archive that this machine's own apt uses.
find_mirror() {
    local uri
    if [[ -n ${MIRROR:-} ]]; then printf '%s\n' "$MIRROR"; return; fi
    while read -r uri; do
        if [[ $uri =~ (/debian|/debian\.list)/?$ ]]; then printf '%s\n' "$uri"; return; fi
    done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null)
    die "no Debian archive among this machine's apt sources; name one with --mirror URI"
}

# papt COMMAND...: COMMAND (apt-get, apt-cache) with the private configuration.
papt() {
    local cmd=$1; shift
    "$cmd" -c "$CACHE/apt/apt.conf" "$@"
}

# alone COMMAND...: COMMAND, a function here, while no other script on this cache is in one. A download
# that outlives its script keeps the lock.
alone() {
    local lock
    mkdir -p "$CACHE/apt"
    exec {lock}>"$CACHE/apt/lock" || die "cannot lock $CACHE"
    flock -n "$lock" || { say "waiting for another fetch" >&2; flock "$lock" || die "cannot lock $CACHE"; }
    "$@"
    exec {lock}>&-
}

# debian_setup: writes the private configuration and fetches the package lists
# (again only when they are older than a day, or with REFRESH=1).
debian_setup() { alone set_up; }

# debian_get PACKAGE[=VERSION]...: downloads what is not there yet, all in one call of apt, and unpacks it (dpkg -x);
# sets FOLDERS to their folders, in order, and UNPACKED to the last one.
debian_get() { alone get_packages "$@"; }

# write FILE: what is read, at once for whoever reads the file without the lock.
write() { cat >"$1.new" && mv "$1.new" "$1"; }

set_up() {
    local mirror apt=$CACHE/apt
    mirror=$(find_mirror)
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/empty" "$CACHE/deb"
    : >"$apt/status"
    write "$apt/debian.sources" <<END
Types: deb
URIs: $mirror
Suites: $SUITE
Components: main
Signed-By: $KEYRING
END
    write "$apt/apt.conf" <<END
#clear APT::Architectures;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "$DEB_ARCH";
APT::Architectures { "$DEB_ARCH"; };
APT::Sandbox::User "";
APT::Get::List-Cleanup "true";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "$apt/debian.sources";
Dir::Etc::sourceparts "$apt/empty";
Dir::Etc::preferences "$apt/empty/none";
Dir::Etc::preferencesparts "$apt/empty";
Acquire::Languages "none";
Acquire::Retries "3";
END
    if [[ ${REFRESH:-0} = 1 || -z $(find "$apt/stamp" -mtime -1 2>/dev/null) ]] ||
        [[ $(cat "$apt/stamp") != "$mirror" ]]; then
        say "fetching the package lists of Debian $SUITE ($DEB_ARCH)"
        papt apt-get -q -o APT::Update::Error-Mode=any update >"$apt/update.log" 2>&1 ||
            die "apt-get update failed: $(grep -m1 '^[EW]:' "$apt/update.log" || tail -n1 "$apt/update.log") (log: $apt/update.log)"
        printf '%s\n' "$mirror" >"$apt/stamp"
    fi
}

# versions PACKAGE...: lines PACKAGE=VERSION of what the archive serves now, in one look.
versions() {
    { papt apt-cache show --no-all-versions "$@" 2>/dev/null || true; } |
        awk '/^Package: / {p = $2} /^Version: / {print p "=" $2}' | sort -u
}

# served PACKAGE: the version the archive serves now, or nothing.
served() { versions "$1" | sed -n 's/^[^=]*=//p'; }

get_packages() {
    local item name deb part=$CACHE/deb/.part wanted=() unnamed=()
    local -A version=()
    for item; do
        if [[ $item = *=* ]]; then version[${item%%=*}]=${item#*=}; else unnamed+=("$item"); fi
    done
    if ((${#unnamed[@]})); then
        while read -r item; do version[${item%%=*}]=${item#*=}; done < <(versions "${unnamed[@]}")
    fi
    FOLDERS=()
    for item; do
        name=${item%%=*}
        [[ -n ${version[$name]:-} ]] || die "Debian $SUITE ($DEB_ARCH) has no package $name"
        UNPACKED=$CACHE/deb/${name}_${version[$name]//:/%3a}
        FOLDERS+=("$UNPACKED")
        [[ -e $UNPACKED/.done ]] || wanted+=("$name=${version[$name]}")
    done
    ((${#wanted[@]})) || return 0
    check_served "${wanted[@]}"
    if ((${#wanted[@]} > 3)); then say "downloading ${#wanted[@]} packages"; else say "downloading ${wanted[*]}"; fi
    rm -rf "$part"; mkdir -p "$part"
    (cd "$part" && papt apt-get -q download "${wanted[@]}" >"$CACHE/apt/download.log" 2>&1) ||
        die "download of ${wanted[*]} failed: $(grep -m1 '^[EW]:' "$CACHE/apt/download.log" || tail -n1 "$CACHE/apt/download.log")"
    for item in "${wanted[@]}"; do
        name=${item%%=*}_${item#*=}
        name=${name//:/%3a}
        deb=$(echo "$part/$name"_*.deb)
        dpkg-deb -x "$deb" "$part/root" || die "cannot unpack $deb"
        : >"$part/root/.done"
        rm -rf "$CACHE/deb/$name" "$deb"
        mv "$part/root" "$CACHE/deb/$name"
    done
    rmdir "$part"
}

# check_served PACKAGE=VERSION...: a pinned version may be gone.
check_served() {
    local item known
    known=$'\n'$(papt apt-cache madison "${@%%=*}" 2>/dev/null | awk -F'|' '{gsub(/ /, ""); print $1 "=" $2}')$'\n'
    for item; do
        [[ $known = *$'\n'"$item"$'\n'* ]] ||
            die "${item/=/ } is not served; Debian $SUITE serves version $(served "${item%%=*}" | grep . || echo '(none)')"
    done
}
