#!/bin/sh
# Guests that come and go, until $guests/stop exists: soak.sh SEED. $tick is for guests.sh. Two under DuVisor and one under
# KVM, each killed at moments that the seed chooses, from its start to deep in its work.
. /mnt/guests.sh

# random MAX: $drawn becomes a number from 0 to MAX - 1
random() {
    state=$(((state * 1103515245 + 12345) & 0x7fffffff))
    drawn=$(((state >> 8) % $1))
}

stopping() { [ -e $guests/stop ]; }

# one round of a guest: started, and killed somewhere
round() {
    random 8
    local moment=$drawn reached=start
    guest $1 $2 $3 $4
    if [ $moment -ge 1 ]; then
        case $2 in
        duvisor) await $1 'the guest starts' ;;
        kvm) await $1 'Linux version' ;;
        esac && reached=boot
    fi
    if [ $moment -ge 2 ] && [ $reached = boot ]; then
        await $1 '/ # ' && reached=prompt
    fi
    if [ $moment -ge 3 ] && [ $reached = prompt ]; then
        work $1 100000
        random 8
        await $1 "^alive-$((drawn + 1))\>" && reached=work
    fi
    [ $moment -ge 1 ] && random 10 || random 70 # its start takes longest
    ticks $drawn
    if ! kill -9 $pid 2>/dev/null; then
        echo "DIED $1 after $reached"
        tail -n 20 $guests/$1.out
    fi
    wait $pid 2>/dev/null
    if grep -aqE 'Oops|Unable to handle|Kernel panic|Call Trace' $guests/$1.out; then
        echo "SICK $1 after $reached"
        tail -n 100 $guests/$1.out
    fi
    stopping || echo "ROUND $1 $reached"
}

# worker NAME KIND CPUS MEGABYTES SEED
worker() {
    state=$5
    while ! stopping; do
        round $1 $2 $3 $4
    done
}

rm -f $guests/stop
worker a duvisor 1 64 $1 &
worker b duvisor 2 64 $(($1 + 1000)) &
worker k kvm 1 64 $(($1 + 2000)) &
wait
echo 'SOAK over'
