# Shared by build.sh and host.sh: how a kernel is built from Debian's source, and what an initramfs needs. To be sourced
# after debian.sh. The caller sets CACHE, BUILD (the kernel's output folder) and JOBS.
# shellcheck shell=bash

KERNEL_PKG=linux-source-6.12 BUSYBOX_PKG=busybox-static
CROSS=riscv64-linux-gnu-
# what would otherwise differ from build to build
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1735689600 # 2025-01-01
export KBUILD_BUILD_TIMESTAMP='2025-01-01 00:00:00 UTC' KBUILD_BUILD_USER=duvisor KBUILD_BUILD_HOST=guest
export KBUILD_BUILD_VERSION=1
unset KCFLAGS KCPPFLAGS KAFLAGS LOCALVERSION MAKEFLAGS ARCH CROSS_COMPILE KCONFIG_CONFIG INSTALL_MOD_PATH

# What a kernel and programs beside it are compiled with.
KERNEL_TOOLS=(make=make gcc=gcc "${CROSS}gcc=gcc-riscv64-linux-gnu" "${CROSS}ld=binutils-riscv64-linux-gnu" flex=flex
    bison=bison bc=bc perl=perl xz=xz-utils gzip=gzip tar=tar depmod=kmod /usr/include/stdio.h=libc6-dev
    "/usr/${CROSS%-}/include/asm/unistd.h=linux-libc-dev-riscv64-cross"
    "/usr/${CROSS%-}/include/stdio.h=libc6-dev-riscv64-cross")
# What the build tree of Debian's own kernel needs besides.
STOCK_TOOLS=(/usr/include/openssl/opensslv.h=libssl-dev)

run() { # LOG COMMAND...: quietly; on failure one line and the log's name
    local log=$CACHE/$1; shift
    "$@" >"$log" 2>&1 ||
        die "this step failed: $(grep -m1 -iE 'error|not found|cannot|terminated' "$log" || tail -n1 "$log") (log: $log)"
}

make_kernel() { run "$1.log" nice make -C "$SOURCE" O="$BUILD" ARCH=riscv CROSS_COMPILE="$CROSS" -j"$JOBS" "${@:2}"; }

# show_progress FILES: how many of about so many files BUILD has, as long as this script runs: on a terminal in one line
# that is written over, else a line for each tenth. Files of builds that were interrupted count.
show_progress() {
    local all=$1 files tenth=0
    while kill -0 $$ 2>/dev/null; do
        files=$(find "$BUILD" -name '.*.cmd' 2>/dev/null | wc -l)
        ((files < all)) || files=$((all - 1))
        if [[ -t 2 ]]; then
            printf '\r== %d %% (%d of about %d files) ' $((100 * files / all)) "$files" "$all" >&2
        elif ((10 * files / all > tenth)); then
            tenth=$((10 * files / all))
            say "$((10 * tenth)) % ($files of about $all files)" >&2
        fi
        sleep 2
    done
}

# make_watched FILES NAME TARGET...: make_kernel, with progress.
make_watched() {
    local watcher
    show_progress "$1" 3>&- & # which may be a pipe that somebody reads to its end
    watcher=$!
    # shellcheck disable=SC2064 # this one
    trap "kill $watcher 2>/dev/null" EXIT
    make_kernel "${@:2}"
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
    trap - EXIT
    [[ ! -t 2 ]] || printf '\r%50s\r' '' >&2
}

# unpack_source VERSION: sets SOURCE to the unpacked source of the kernel package.
unpack_source() {
    local tar
    debian_get "$KERNEL_PKG=$1"
    tar=$UNPACKED/usr/src/$KERNEL_PKG.tar.xz
    SOURCE=$CACHE/src/${UNPACKED##*/}
    [[ ! -e $SOURCE/Makefile ]] || return 0
    say "unpacking the kernel's source"
    rm -rf "$SOURCE" "$SOURCE.part"; mkdir -p "$SOURCE.part"
    tar -xf "$tar" -C "$SOURCE.part" --strip-components=1 || die "cannot unpack $tar"
    mv "$SOURCE.part" "$SOURCE"
}

# configure_kernel FRAGMENT...: starts BUILD afresh with allnoconfig and the fragments (the last line about an option
# wins), and checks that the kernel took every line.
configure_kernel() {
    local line name bad='' all=$CACHE/kernel.fragment
    sed -s '$a\' "$@" | tac | awk '{ key = $0 } /^CONFIG_/ { sub(/=.*/, "", key) } /^# CONFIG_.* is not set/ { key = $2 }
        key !~ /^CONFIG_/ || !seen[key]++' | tac >"$all"
    rm -rf "$BUILD"; mkdir -p "$BUILD"
    make_kernel config allnoconfig KCONFIG_ALLCONFIG="$all"
    while read -r line; do
        case $line in
        CONFIG_*) grep -qxF -- "$line" "$BUILD/.config" || bad+=" ${line%%=*}" ;;
        '# CONFIG_'*) name=${line#\# }; ! grep -q "^${name%% *}=" "$BUILD/.config" || bad+=" ${name%% *}" ;;
        esac
    done <"$all"
    [[ -z $bad ]] || die "this kernel does not take these lines of ${*##*/}:$bad"
}

applets() { # FILE: the names in busybox's table of applets, sorted
    perl -0777 -ne 'print join("\n", "[", split /\0/, $1), "\n" if /\0(\[\[\0(?:[\x21-\x7e]+\0){50,})/' "$1" |
        grep -vx busybox | sort -u
}
