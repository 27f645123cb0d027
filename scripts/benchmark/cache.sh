#!/usr/bin/env bash
# What a job on a short-lived runner gains from what is kept between jobs: docs/cache.md. scripts/bench cache starts it.
# RUNS is how often each is measured, default 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
mkdir "$scratch/times"

# The section's engine lives in the scratch folder: it is stopped before its cache goes, also when the run failed.
finish() {
  if [ -d "$scratch/cache" ]; then XDG_CACHE_HOME="$scratch/cache" ./scripts/dagger-local clean >/dev/null 2>&1 || true; fi
  rm -rf "$scratch"
}
trap finish EXIT

# quiet COMMAND… shows what a command said only when it fails.
quiet() { "$@" >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; exit 1; }; }

# timed SERIES COMMAND… adds the seconds that a command takes to a series.
timed() {
  local series=$1 start; shift
  start=$(date +%s.%N)
  quiet "$@"
  echo "$start $(date +%s.%N)" | awk '{ printf "%.2f\n", $2 - $1 }' >>"$scratch/times/$series"
}

# summary prints the median of the numbers it reads, and their spread, as two cells.
summary() { sort -n | awk '{ n[NR] = $1 } END { printf "%s | %s to %s", n[int((NR + 1) / 2)], n[1], n[NR] }'; }

edit() { echo "// edited $RANDOM$RANDOM" >>"$1"; }

# own COMMAND… runs with a cache of the section's own: its engine can be stopped, and its state thrown away, without harm to others.
# The engine answers by tcp as well, as one does that several runners share.
own() { XDG_CACHE_HOME="$scratch/cache" DOTNET_MULTIARCH_ENGINE_LISTEN="$listen" "$@"; }
job() { own ./scripts/dagger --silent call --source "$scratch/app" build-and-push; }
remote_job() {
  own bash -c 'eval "$(./scripts/dagger-local env)"; export _EXPERIMENTAL_DAGGER_RUNNER_HOST=$1
    dagger --silent call --source "$2" build-and-push' - "$listen" "$scratch/app"
}
stop() { own ./scripts/dagger-local stop; }
# A cache of a provider is such an archive. Layers need owners, hard links, device files and extended attributes.
pack() { tar -C "$engine" --xattrs --xattrs-include='*' -I 'zstd -T0' -cf "$scratch/state.tar.zst" state; }
unpack() { tar -C "$engine" --xattrs --xattrs-include='*' -I 'zstd -T0' -xf "$scratch/state.tar.zst"; }
megabytes() { du -sm --apparent-size "$1" | cut -f1; }

# processor_seconds is what the section's engine has taken since it started, with all the containers that have ended.
processor_seconds() {
  local process
  process=$(own ./scripts/dagger-local status | sed -n 's/^engine:.* process \([0-9]*\),.*/\1/p')
  awk -v ticks="$(getconf CLK_TCK)" '{ printf "%.1f\n", ($14 + $15 + $16 + $17) / ticks }' "/proc/$process/stat"
}

# cache_row NAME SERIES adds a row to the section's table; a series without processor seconds of the engine's leaves that cell empty.
cache_row() {
  local processor=
  [ ! -f "$scratch/times/$2-cpu" ] || processor=$(sort -n "$scratch/times/$2-cpu" | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }')
  printf '| %s | %s | %s | %s |\n' "$1" \
    "$(paste "$scratch/times/$2" "$scratch/times/cache-nothing" | awk '{ printf "%.2f\n", $1 / $2 }' | summary)" \
    "$(summary <"$scratch/times/$2")" "$processor"
}

# cache_section has one job, a commit with a one-line edit, find three things: nothing, an archive of the engine's state, an engine that
# runs. The programs of the engine and the base images in a registry of the same machine are there each time, as on a runner with an
# image of its own.
cache_section() {
  local engine=$scratch/cache/dotnet-multiarch/engine runs=${RUNS:-3}
  local program=$scratch/app/src/SampleApp.Api/Program.cs listen=tcp://127.0.0.1:$((20000 + RANDOM % 10000)) before
  mkdir -p "$engine"
  scripts/local/take-programs.sh "$scratch/cache" || [ $? = 3 ] # it is built, then
  rm -rf "$scratch/app" && cp -r sample-app "$scratch/app"
  quiet own ./scripts/dagger-local up
  for _ in $(seq "$runs"); do
    quiet stop
    rm -rf "$engine/state"
    edit "$program"
    timed cache-nothing job
    processor_seconds >>"$scratch/times/cache-nothing-cpu"
    quiet stop
    timed cache-save pack
    rm -rf "$engine/state"
    timed cache-restore unpack
    edit "$program"
    timed cache-restored job
    before=$(processor_seconds)
    echo "$before" >>"$scratch/times/cache-archive-cpu"
    edit "$program"
    timed cache-remote remote_job
    echo "$before $(processor_seconds)" | awk '{ print $2 - $1 }' >>"$scratch/times/cache-remote-cpu"
  done
  paste "$scratch/times/cache-restore" "$scratch/times/cache-restored" | awk '{ print $1 + $2 }' >"$scratch/times/cache-archive"
  paste "$scratch/times/cache-archive" "$scratch/times/cache-save" | awk '{ print $1 + $2 }' >"$scratch/times/cache-archive-save"
  printf '\n| what the job finds | times a job that finds nothing | spread | median s | spread | CPU s of the engine |\n|---|---:|---|---:|---|---:|\n'
  cache_row "nothing" cache-nothing
  cache_row "an engine that runs, by tcp" cache-remote
  cache_row "an archive of the engine's state: restored, engine started" cache-archive
  cache_row "the same, and saved again" cache-archive-save
  cache_row "of that: restore" cache-restore
  cache_row "of that: save" cache-save
  printf '\nThe state has %s MB, its archive %s MB. %s runs.\n' \
    "$(megabytes "$engine/state")" "$(megabytes "$scratch/state.tar.zst")" "$runs"
}

cache_section
