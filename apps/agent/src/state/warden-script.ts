/**
 * The warden: $1 is the run's directory, $2 `-t SECONDS` where the shell can wait for a line for so long, else nothing.
 *
 * Lines from the agent: `=` and a time since boot in hundredths of a second, from which on nothing may run (said once a second while
 * something runs); `idle`, when nothing runs; `bye`, when everything ended in order. The pipe ends without `bye` when the
 * agent was killed: what it left is ended at once. When lines stay out though the agent lives, it is stopped: what it left is
 * ended when the last time it named has come, by the clock of the kernel, which counts what the machine slept.
 * A shell that gives up waiting just as a line comes loses its first letters: what is left of such a line means nothing, and the
 * time named before it is the earlier one.
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
deadline=
silent=0
while :; do
  if [ -z "$deadline" ]; then read -r line; else read $2 -r line; fi
  code=$?
  if [ $code -eq 0 ]; then
    silent=0
    case "$line" in bye) exit 0 ;; idle) deadline= ;; =*) deadline=\${line#=} ;; esac
    continue
  fi
  [ $code -gt 128 ] || break
  silent=$((silent + 1))
  [ $silent -gt 1 ] || continue
  IFS=' .' read -r now part rest < /proc/uptime || continue
  [ "$now$part" -ge "$deadline" ] || continue
  end_all "$1"
  deadline=
done
end_all "$1"
`;
