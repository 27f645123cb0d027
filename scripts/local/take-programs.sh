#!/usr/bin/env bash
# take-programs.sh CACHE_HOME gives a fresh cache there what this machine's has made once: the programs and the engine's Go SDK. Tests
# and benches start engines so whose state is new. Code 3: scripts/dagger uses an engine here that is not its own.
set -euo pipefail
from=${XDG_CACHE_HOME:-$HOME/.cache}/dotnet-multiarch
if ! compgen -G "$from/engine/bin-*" >/dev/null; then
  echo "error: scripts/dagger uses an engine that is not its own here" >&2
  exit 3
fi
mkdir -p "$1/dotnet-multiarch"
cd "$from"
cp -r --parents bin engine/bin-* engine/sdk* "$1/dotnet-multiarch"
