#!/bin/sh
# Stands for dotnet and runs that of a foreign SDK under QEMU, where the kernel does not do it by itself: dotnet.sh lies beside
# a file "machine", and the SDK image's files are in /opt/dotnet-multiarch-foreign.
set -eu
here=/opt/dotnet-multiarch-emulation
root=/opt/dotnet-multiarch-foreign
machine=$(cat "$here/machine")
qemu=$(command -v "qemu-$machine-static" || command -v "qemu-$machine")
for home in "$root/usr/share/dotnet" "$root/usr/lib/dotnet" "$root/usr/lib64/dotnet"; do
  if [ -x "$home/dotnet" ]; then break; fi
done
if [ ! -x "$home/dotnet" ]; then
  echo "emulating $machine: error : the image has no dotnet in /usr/share or /usr/lib" >&2
  exit 1
fi

# Whatever starts another dotnet starts this file: the kernel cannot start the other.
export DOTNET_HOST_PATH="$here/dotnet"
# Under emulation mapping each page of code twice is slow and has hung.
export DOTNET_EnableWriteXorExecute=0 COMPlus_EnableWriteXorExecute=0

# `dotnet msbuild` and `dotnet restore` are MSBuild.dll by other names, which the command line of older SDKs starts as a process.
case ${1:-} in
  msbuild | restore)
    msbuild=
    for file in "$home"/sdk/*/MSBuild.dll; do msbuild=$file; done
    verb=$1
    shift
    if [ "$verb" = restore ]; then
      # https://github.com/dotnet/sdk: RestoreCommandParser says what each option becomes.
      n=$#
      while [ "$n" -gt 0 ]; do
        option=$1
        shift
        n=$((n - 1))
        case $option in
          --source | --configfile)
            value=$1
            shift
            n=$((n - 1))
            if [ "$option" = --source ]; then option="-p:RestoreSources=$value"; else option="-p:RestoreConfigFile=$value"; fi
            ;;
          --locked-mode) option=-p:RestoreLockedMode=true ;;
        esac
        set -- "$@" "$option"
      done
      set -- -t:Restore -m:1 "$@"
    fi
    set -- exec "$msbuild" "$@"
    ;;
esac
exec "$qemu" -L "$root" "$home/dotnet" "$@"
