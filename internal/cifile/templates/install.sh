# Dagger's own script, the same each time, checks what it fetches against Dagger's checksums.
if [ ! -x .tools/bin/dagger ]; then
  mkdir -p .tools/bin
  script=https://raw.githubusercontent.com/dagger/dagger/v[% .Dagger %]/install.sh
  if command -v curl >/dev/null; then curl -fsSL --retry 5 -o .tools/bin/install.sh "$script"; else wget -q -O .tools/bin/install.sh "$script"; fi
  echo "[% .InstallSum %]  .tools/bin/install.sh" | sha256sum -c -
  DAGGER_VERSION=[% .Dagger %] BIN_DIR=.tools/bin sh .tools/bin/install.sh
fi
.tools/bin/dagger version
