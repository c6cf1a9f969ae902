# Guests on the full stack's host, to be sourced by a shell there. A guest NAME has its console in
# the files NAME.in and NAME.out of the folder $guests.
guests=/tmp/guests
tick=${tick:-0.2} # seconds between two looks
mkdir -p $guests

# guest NAME duvisor|kvm CPUS MEGABYTES: starts a guest; $pid is its process
guest() {
    rm -f $guests/$1.in
    mkfifo $guests/$1.in
    : >$guests/$1.out # here: what the guest before has said must not be awaited before the process runs
    [ -e $guests/$1.disk ] || dd if=/dev/zero of=$guests/$1.disk bs=64k count=32 2>/dev/null
    case $2 in
    duvisor) duvisor run --verbose --append quiet --cpus $3 --memory $4M --disk $guests/$1.disk \
        <>$guests/$1.in >$guests/$1.out 2>&1 & ;;
    kvm) qemu-kvm -M virt -smp $3 -m $4M -nographic -no-reboot \
        -kernel /usr/share/duvisor/Image -initrd /usr/share/duvisor/initramfs.cpio.gz \
        -append 'earlycon=uart8250,mmio,0x10000000 console=ttyS0 quiet' -drive file=$guests/$1.disk,format=raw,if=none,id=d \
        -device virtio-blk-device,drive=d <>$guests/$1.in >$guests/$1.out 2>&1 & ;;
    esac
    pid=$!
    echo $pid >$guests/$1.pid
}

# ticks N: waits
ticks() {
    local left=$1
    while [ $left -gt 0 ]; do
        left=$((left - 1))
        sleep $tick
    done
}

# tell NAME LINE: types at its console
tell() {
    echo "$2" 1<>$guests/$1.in
}

# await NAME TEXT: until its console has shown the text; fails when it has ended, or all is to stop
await() {
    local process
    read -r process <$guests/$1.pid
    until grep -q "$2" $guests/$1.out; do # with few processes: looking must not be the work
        kill -0 $process 2>/dev/null || return 1
        [ ! -e $guests/stop ] || return 1
        sleep $tick
    done
}

# work NAME ROUNDS: processor, memory and disk; says alive-1, alive-2, ... and at the end done-42
work() {
    tell $1 'i=0; while [ $i -lt '$2' ]; do i=$((i + 1)); md5sum /bin/busybox >/dev/null;
dd if=/dev/zero of=/tmp/filled bs=64k count=64 2>/dev/null; rm /tmp/filled;
dd if=/dev/urandom of=/dev/vda bs=64k count=4 2>/dev/null; sync;
dd if=/dev/vda of=/dev/null bs=64k count=4 2>/dev/null; echo alive-$i; done; echo done-$((40 + 2))'
}

# alive NAME: how many rounds of work it has done
alive() {
    sed -n 's/^alive-\([0-9]*\).*/\1/p' $guests/$1.out | tail -n 1
}

# goes_on NAME ROUNDS: waits for so many more rounds of its work
goes_on() {
    local done=$(alive $1)
    await $1 "^alive-$((${done:-0} + $2))\>" && echo "$1 goes on"
}

# ended NAME: waits for its process and says how it ended
ended() {
    wait $(cat $guests/$1.pid)
    echo "$1 ended with $?"
}
