/**
 * The warden: $1 is the run's directory, $2 `-t SECONDS` where the shell can wait for a line for so long, else nothing, $3 the
 * agent's incarnation.
 *
 * Lines from the agent: `=` and a time since boot in hundredths of a second, from which on nothing may run (said once a second
 * while something runs); `idle`, when nothing runs; `bye`, when everything ended in order. The pipe ends without `bye` when the
 * agent was killed, and lines stay out when it is stopped: what it left is ended when the last time it named has come, by the
 * clock of the kernel, which counts what the machine slept. A shell that gives up waiting just as a line comes loses its first
 * letters: what is left of such a line means nothing, and the time named before it is the earlier one.
 *
 * After a kill the next agent may come before that time, and take over what runs: it writes its incarnation to $1/taken once the
 * yard has heard it, and has a warden of its own then. When none came, $1/over says that there is nothing left to take. When the
 * directory is gone none can come, or one has ended all that was here.
 *
 * Before anything is told to end it is written to $1/ended: an agent that wakes has to tell that from an end of its own.
 * Groups come from the slots' files; processes that left their group are known by their environment or their directory.
 */
export const WARDEN_SCRIPT = `
targets() {
  for file in "$1"/slots/*/group; do
    { IFS= read -r pid < "$file"; } 2>/dev/null && case "$pid" in ''|*[!0-9]*) ;; *) echo "-$pid" ;; esac
  done
  grep -laF -- "YARD_OUTPUT=$1/io/" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do echo "$pid"; done
  ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -F -- " -> $1/attempts/" | while read -r line; do pid=\${line#*/proc/}; echo "\${pid%%/*}"; done
}
end_all() {
  found=$(targets "$1")
  [ -z "$found" ] && return
  echo "$found" >> "$1/ended"
  for pid in $found; do kill -s TERM -- "$pid"; kill -s CONT -- "$pid"; done 2>/dev/null
  k=0
  while [ $k -lt 30 ]; do
    sleep 0.1
    [ -z "$(targets "$1")" ] && return
    k=$((k + 1))
  done
  k=0
  while [ $k -lt 20 ]; do
    found=$(targets "$1")
    [ -z "$found" ] && return
    echo "$found" >> "$1/ended"
    for pid in $found; do kill -s KILL -- "$pid"; done 2>/dev/null
    sleep 0.1
    k=$((k + 1))
  done
}
is_over() {
  IFS=' .' read -r now part rest < /proc/uptime && [ "$now$part" -ge "$1" ]
}
deadline=
told=
silent=0
while :; do
  if [ -z "$deadline" ]; then read -r line; else read $2 -r line; fi
  code=$?
  if [ $code -eq 0 ]; then
    silent=0
    case "$line" in bye) exit 0 ;; idle) deadline= ;; =*) deadline=\${line#=} told=yes ;; esac
    continue
  fi
  [ $code -gt 128 ] || break
  silent=$((silent + 1))
  [ $silent -gt 1 ] || continue
  is_over "$deadline" || continue
  end_all "$1"
  deadline=
done
[ -n "$told" ] || exit 0
while [ -n "$deadline" ] && ! is_over "$deadline"; do
  [ -d "$1" ] || break
  if { IFS= read -r taker < "$1/taken"; } 2>/dev/null && [ "$taker" != "$3" ]; then exit 0; fi
  sleep 0.5
done
end_all "$1"
: > "$1/over"
`;
