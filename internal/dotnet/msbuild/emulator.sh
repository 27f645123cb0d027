#!/bin/sh
# Puts a dotnet of another architecture into the SDK container, which runs under QEMU without a registration in the kernel:
#   emulator.sh MACHINE ROOT DOTNET
# MACHINE is as `uname -m` has it, ROOT the file system of an image that has its .NET, DOTNET the program to make.
set -eu

machine=$1 root=$2 program=$3
say() { echo "emulating $machine: error : $*" >&2; exit 1; }

qemu() { command -v "qemu-$machine-static" || command -v "qemu-$machine" || true; }

# shellcheck disable=SC1091 # the container's own
. /etc/os-release
if [ -z "$(qemu)" ]; then
  case "$ID" in
    debian | ubuntu)
      export DEBIAN_FRONTEND=noninteractive
      apt-get update -qq
      apt-get install -qq --no-install-recommends qemu-user-static >/tmp/emulator.log 2>&1 || { cat /tmp/emulator.log >&2; exit 1; }
      rm -rf /var/lib/apt/lists/* /tmp/emulator.log
      ;;
    alpine) apk add --no-cache "qemu-$machine" ;;
    *) say "the SDK image is on $PRETTY_NAME, of which the module knows no QEMU: give an --sdk-image that has qemu-$machine, or one on Debian, Ubuntu or Alpine" ;;
  esac
fi
qemu=$(qemu)
[ -n "$qemu" ] || say "the distribution's package has no qemu-$machine: give an --sdk-image that has it"

for dotnet in /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet; do
  [ -x "$root$dotnet" ] || continue
  # Under emulation mapping each page of code twice is slow and has hung, and compiling twice does not pay.
  cat >"$program" <<SCRIPT
#!/bin/sh
export DOTNET_EnableWriteXorExecute=0 DOTNET_TieredCompilation=0
exec $qemu -L $root $root$dotnet "\$@"
SCRIPT
  chmod +x "$program"
  exec "$program" --list-runtimes
done
say "the runtime image has no .NET: give one that has it with --runtime-image"
