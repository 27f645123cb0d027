#!/bin/sh
# Runs the tests of one project and ends them when they take too long:
#   test.sh SECONDS RUNNER COMMAND…
# /results holds what the runner writes there, output.txt, its exit code in exit-code, and an empty file timed-out where
# time was up. The script itself ends with 0: Dagger takes codes of 128 to 191, as of a process that was killed, for an
# error whatever one expects.
set -u
seconds=$1 runner=$2
shift 2
results=/results
grace=20
rm -rf "$results"
mkdir -p "$results"

# VSTest answers a signal by giving up without a report. Of a test host that dies it reports what had ended, and names the test that
# was running.
end_hosts() {
  for process in /proc/[0-9]*; do
    if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q '[t]esthost.* --port '; then
      kill -9 "${process#/proc/}" 2>/dev/null
    fi
  done
}

(
  sleep "$seconds"
  : >"$results/timed-out"
  if [ "$runner" = VSTest ]; then end_hosts; fi
) >/dev/null 2>&1 &

if [ "$runner" = VSTest ]; then
  timeout -s KILL "$((seconds + grace))" "$@" >"$results/output.txt" 2>&1
else
  timeout -s INT -k "$grace" "$seconds" "$@" >"$results/output.txt" 2>&1
fi
echo "$?" >"$results/exit-code"
cat "$results/output.txt"
