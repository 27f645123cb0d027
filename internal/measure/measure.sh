# measure.sh LIMIT COMMAND… runs the command for LIMIT seconds at most and closes with a line that says what it took:
#   @measured begin=SECONDS end=SECONDS code=N peak=KIB left=TICKS user=TIME system=TIME
# It wants a container of its own, whose processes are all the command's, and has no more than every SDK image has. What can be
# done without a new process is: under emulation each costs.
limit=$1; shift
notes=$(mktemp -d)
echo 0 >"$notes/peak"

# The memory of all processes but these shells, each with its share of what several use (PSS).
watch() {
  read -r self _ </proc/self/stat
  highest=0
  while :; do
    sum=0
    for process in /proc/[0-9]*; do
      case ${process#/proc/} in "$self" | "$$") continue ;; esac
      while read -r key value _; do
        if [ "$key" = Pss: ]; then sum=$((sum + value)); break; fi
      done <"$process/smaps_rollup"
    done
    if [ "$sum" -gt "$highest" ]; then highest=$sum; echo "$sum" >"$notes/peak"; fi
    sleep 0.2
  done
}
watch >/dev/null 2>&1 &
watcher=$!

read -r begin _ </proc/uptime
(
  timeout -k 10 "$limit" "$@"
  code=$?
  times >"$notes/times"
  exit "$code"
)
code=$?
read -r end _ </proc/uptime

# Processes that outlive the command, such as a compiler server, and those that PID 1 has buried.
left=0
for process in /proc/[0-9]*; do
  case ${process#/proc/} in "$$" | "$watcher") continue ;; esac
  read -r line 2>/dev/null <"$process/stat" || continue
  # shellcheck disable=SC2086 # fields
  set -- ${line##*)}
  left=$((left + ${12} + ${13} + ${14} + ${15}))
done
kill "$watcher" 2>/dev/null
read -r peak <"$notes/peak"
{ read -r _; read -r user system; } <"$notes/times"
printf '\n@measured begin=%s end=%s code=%s peak=%s left=%s user=%s system=%s\n' "$begin" "$end" "$code" "$peak" "$left" "$user" "$system"
exit "$code"
