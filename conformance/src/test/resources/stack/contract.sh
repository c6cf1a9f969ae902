#!/bin/sh
# The contract suite on the full stack's host: contract.sh [TEST]...
home=/usr/share/duvisor
cache=''
[ ! -s $home/duvisor.aot ] || cache="-XX:AOTCache=$home/duvisor.aot -Xlog:aot=off"
# shellcheck disable=SC2086
exec java @$home/jvm.options $cache --enable-native-access=ALL-UNNAMED --add-exports=java.base/jdk.internal.misc=ALL-UNNAMED \
    -cp "$home/duvisor.jar:/mnt/classes:/mnt/lib/*" org.duvisor.conformance.platform.ContractMain "$@"
