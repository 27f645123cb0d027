#!/bin/sh
# Puts into the SDK container what Native AOT links with, from the container's own distribution:
#   toolchain.sh RUNTIME-IDENTIFIER…
# What is already there, as in an SDK image made for it, is left alone.
set -eu

say() { echo "native AOT toolchain: error : $*" >&2; exit 1; }

# arch RID prints the machine in the way of `uname -m`.
arch() {
  case "${1##*-}" in
    x64) echo x86_64 ;;
    arm64) echo aarch64 ;;
    arm) echo armv7l ;;
    *) say "$1 has no cross toolchain here: leave its platform out of --platforms, or give an --sdk-image that has one" ;;
  esac
}

# shellcheck disable=SC1091 # the container's own
. /etc/os-release
host=$(uname -m)
foreign=
for rid in "$@"; do
  machine=$(arch "$rid")
  if [ -d "/crossrootfs/${rid##*-}" ]; then continue; fi
  if [ "$machine" != "$host" ]; then foreign="$foreign $machine"; fi
done

# triple MACHINE prints the name that Debian's cross compilers have.
triple() {
  case "$1" in
    x86_64) echo x86-64-linux-gnu ;;
    aarch64) echo aarch64-linux-gnu ;;
    armv7l) echo arm-linux-gnueabihf ;;
  esac
}

debian_arch() {
  case "$1" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    armv7l) echo armhf ;;
  esac
}

# Ubuntu keeps amd64 and the other architectures on two hosts, and an index that a host lacks is an error.
ubuntu_sources() {
  here=$(dpkg --print-architecture)
  there=$1
  address=http://ports.ubuntu.com/ubuntu-ports/
  if [ "$there" = amd64 ]; then address=http://archive.ubuntu.com/ubuntu/; fi
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && ! grep -q '^Architectures:' "$file" && sed -i "/^Types:/ a Architectures: $here" "$file"
  done
  [ -f /etc/apt/sources.list ] && sed -i -E "s/^deb (http|mirror)/deb [arch=$here] \1/" /etc/apt/sources.list
  cat >"/etc/apt/sources.list.d/$there.sources" <<SOURCES
Types: deb
URIs: $address
Suites: $VERSION_CODENAME $VERSION_CODENAME-updates
Components: main restricted universe
Architectures: $there
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
SOURCES
}

case "$ID" in
  debian | ubuntu)
    packages=
    command -v clang >/dev/null || packages="clang llvm zlib1g-dev"
    for machine in $foreign; do
      name=$(triple "$machine")
      debian=$(debian_arch "$machine")
      dpkg --add-architecture "$debian"
      if [ "$ID" = ubuntu ]; then ubuntu_sources "$debian"; fi
      packages="$packages llvm gcc-$name binutils-$name zlib1g-dev:$debian"
    done
    [ -n "$packages" ] || exit 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list
    apt-get install -qq --no-install-recommends $packages >/tmp/toolchain.log 2>&1 || { cat /tmp/toolchain.log >&2; exit 1; }
    rm -rf /var/lib/apt/lists/* /tmp/toolchain.log
    ;;
  alpine)
    apk add --no-cache clang llvm lld build-base zlib-dev
    for machine in $foreign; do
      case "$machine" in armv7l) alpine=armv7 name=arm ;; aarch64) alpine=aarch64 name=arm64 ;; *) alpine=x86_64 name=x64 ;; esac
      # shellcheck disable=SC2046 # one -X for each repository
      apk add --no-cache --no-scripts --allow-untrusted --root "/crossrootfs/$name" --arch "$alpine" --initdb \
        $(sed -n 's/^\(http[^ ]*\)$/-X \1/p' /etc/apk/repositories) alpine-release musl-dev gcc zlib-dev
    done
    ;;
  azurelinux | mariner)
    [ -z "$foreign" ] || say "$PRETTY_NAME has no packages to link for$foreign: give an --sdk-image that has a root file system of the target in /crossrootfs, as Microsoft's cross-build images do, or one on Debian or Ubuntu"
    command -v clang >/dev/null || tdnf install -y build-essential clang zlib-devel
    ;;
  *)
    command -v clang >/dev/null || command -v gcc >/dev/null || say "the SDK image is on $PRETTY_NAME, of which the module does not know the packages: give an --sdk-image that has clang"
    ;;
esac
