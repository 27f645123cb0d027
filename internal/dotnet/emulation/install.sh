#!/bin/sh
# install.sh MACHINE puts a static QEMU for a machine, as `uname -m` has it, into the container, from its own distribution.
set -eu
machine=$1
say() { echo "installing QEMU: error : $*" >&2; exit 1; }
present() { command -v "qemu-$machine-static" || command -v "qemu-$machine"; }

present && exit 0
# shellcheck disable=SC1091 # the container's own
. /etc/os-release
case "$ID" in
  debian | ubuntu)
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --no-install-recommends qemu-user-static >/tmp/qemu.log 2>&1 || { cat /tmp/qemu.log >&2; exit 1; }
    ;;
  alpine) apk add --no-cache "qemu-$machine" ;;
  *) say "the SDK image is on $PRETTY_NAME, of which the module knows no QEMU" ;;
esac
present || say "the packages of $PRETTY_NAME have no qemu-$machine"
