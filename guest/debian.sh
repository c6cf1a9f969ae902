# Shared by the scripts here: a private apt that brings Debian
# packages of any architecture without touching the machine's own apt state.
# To be sourced. The caller sets CACHE, and may set MIRROR.
# shellcheck shell=bash

SUITE=trixie
DEB_ARCH=riscv64

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

# debian_get PACKAGE[=VERSION]: downloads and unpacks it (dpkg -x);
# sets UNPACKED to the folder. Both steps are skipped when already done.
debian_get() { alone get_package "$1"; }

# write FILE: what is read, at once for whoever reads the file without the lock.
write() { cat >"$1.new" && mv "$1.new" "$1"; }

set_up() {
    local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg apt=$CACHE/apt
    need apt-get=apt dpkg-deb=dpkg flock=util-linux "$keyring=debian-archive-keyring"
    mirror=$(find_mirror)
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/empty" "$CACHE/deb"
    : >"$apt/status"
    write "$apt/debian.sources" <<END
Types: deb
URIs: $mirror
Suites: $SUITE
Components: main
Signed-By: $keyring
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

# served PACKAGE: the version the archive serves now, or nothing.
served() {
    { papt apt-cache show --no-all-versions "$1" 2>/dev/null || true; } | sed -n 's/^Version: //p'
}

get_package() {
    local pkg=${1%%=*} ver='' name deb part
    [[ $1 != *=* ]] || ver=${1#*=}
    if [[ -z $ver ]]; then
        ver=$(served "$pkg")
        [[ -n $ver ]] || die "Debian $SUITE ($DEB_ARCH) has no package $pkg"
    fi
    name=${pkg}_${ver//:/%3a}
    UNPACKED=$CACHE/deb/$name
    [[ ! -e $UNPACKED/.done ]] || return 0
    papt apt-cache madison "$pkg" 2>/dev/null | awk -F'|' -v v="$ver" '{gsub(/ /, "", $2)} $2 == v {f = 1} END {exit !f}' ||
        die "$pkg $ver is not served; Debian $SUITE serves version $(served "$pkg" | grep . || echo '(none)')"
    say "downloading $pkg $ver"
    part=$CACHE/deb/.part
    rm -rf "$part" "$UNPACKED"; mkdir -p "$part"
    (cd "$part" && papt apt-get -q download "$pkg=$ver" >"$CACHE/apt/download.log" 2>&1) ||
        die "download of $pkg $ver failed: $(grep -m1 '^[EW]:' "$CACHE/apt/download.log" || tail -n1 "$CACHE/apt/download.log")"
    deb=$(echo "$part"/*.deb)
    dpkg-deb -x "$deb" "$part/root" || die "cannot unpack $deb"
    rm -f "$deb"
    : >"$part/root/.done"
    mv "$part/root" "$UNPACKED"; rmdir "$part"
}
