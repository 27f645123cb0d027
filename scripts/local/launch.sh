# Sourced by scripts/dagger and scripts/dagger-local: builds the program in this
# folder once per content and becomes it. Works with the bash 3.2 of macOS.

# launch SCRIPTS SUBCOMMAND ARGUMENTS… never returns.
launch() {
  local source="$1/local" cache hash program
  shift
  cache="${XDG_CACHE_HOME:-${HOME:?is not set; set it, or XDG_CACHE_HOME, to a folder}/.cache}/dotnet-multiarch"
  hash=$(content_hash "$source")
  program="$cache/bin/local-$hash"
  [ -x "$program" ] || build_program "$source" "$program"
  exec "$program" --source "$source" "$@"
}

# What the program is built from: all files but tests and the engine's own module.
content_hash() {
  local sum='sha256sum'
  command -v sha256sum >/dev/null || sum='shasum -a 256'
  cd "$1"
  find . \( -path ./daggerengine -o -name testdata \) -prune -o -type f ! -name '*_test.go' -print |
    LC_ALL=C sort | tr '\n' '\0' | xargs -0 $sum | $sum | cut -c1-12
}

build_program() {
  local source="$1" program="$2" tmp
  if ! command -v go >/dev/null; then
    echo "error: Go is missing; install it from https://go.dev/dl/ (or use \`dagger\` itself, where Docker is at hand)" >&2
    exit 1
  fi
  echo "building scripts/local (once; usually 1 to 2 minutes on 2 cores)…" >&2
  mkdir -p "$(dirname "$program")"
  tmp=$(mktemp "$program.XXXXXX")
  trap 'rm -f "$tmp"' EXIT
  (cd "$source" && GOWORK=off GOFLAGS= CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$tmp" . 2>&1 |
    { grep -v '^go: downloading ' >&2 || true; }) || {
    echo "error: scripts/local does not build with $(go env GOVERSION); see the lines above" >&2
    exit 1
  }
  # Renamed when whole: a call at the same time, or one that is killed, does no harm.
  mv "$tmp" "$program"
  trap - EXIT
  # Those of earlier versions; whoever still needs one builds it again in seconds.
  find "$(dirname "$program")" -name 'local-*' -mtime +30 -delete
}
