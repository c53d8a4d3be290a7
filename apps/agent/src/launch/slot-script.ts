/**
 * A launcher shell: reads one line per attempt and starts what the file $1 says (spec-text.ts), each attempt in a process
 * group of its own (`set -m`). $2, $3: named pipes for output. $4: holds the process group while one runs, and what the
 * shell says on stderr. $5: the slot's directory.
 *
 * User data is only ever the value of a quoted expansion. Names here start with __yard, which no attempt's variable may
 * (see isShellSafe), and what the attempt needs is read in the forked child, so that nothing of it stays.
 *
 * Answers on descriptor 3: `p PID` once the output is open, `e CODE SIGNAL` and two lines of `times` at the end.
 * A status over 128 is a signal unless the shell's own notice says Exit. `wait` also ends when the attempt was merely
 * stopped, hence the loop; `wait -f` would not, but spins for ever now and then (bash 5.2). Nothing is ever written to
 * descriptor 3 from the other side: reading it is how to sleep without a process, while there is another side.
 *
 * An attempt goes on when the agent is killed: the shell holds its pipes open, so that it can write and what it wrote stays.
 * When nobody hears how it ended the shell writes that to $5/end, the process group first, and stays until the next agent has
 * taken both and removed the file, or the warden has given up on one ("over" in the run's directory), or for an hour.
 */
export const SLOT_SCRIPT = `
set -m
LC_ALL=C
ulimit -c 0
export -n OLDPWD
unset SHLVL
exec 2>>"$4"
trap : PIPE
exec 7<>"$2" 8<>"$3"
exec 5<"$2" 6<"$3" 7>&- 8>&- 9>/dev/null
__yard_run() {
  mapfile -d '' -t __yard_s < "$1" || exit 125
  for ((__yard_i = 3; __yard_i < 3 + __yard_s[1]; __yard_i++)); do export "\${__yard_s[__yard_i]}"; done
  cd -- "\${__yard_s[0]}" || exit 125
  exec < /dev/null > "$2" 2> "$3" 5<&- 6<&- || exit 125
  trap : PIPE
  echo "p $BASHPID" 2>&9 >&3
  exec 3>&- 9>&-
  exec -- "\${__yard_s[@]:3 + __yard_s[1]}"
}
while IFS= read -r __yard_go; do
  __yard_run "$1" "$2" "$3" &
  __yard_p=$!
  echo $! > "$4"
  wait $!
  __yard_c=$?
  while ((__yard_c >= 147 && __yard_c <= 150)); do
    if ! kill -0 $!; then
      wait $!
      __yard_k=$?
      ((__yard_k != 127)) && __yard_c=$__yard_k
      break
    fi
    read -r -t 0.2 -u 3
    (($? > 128)) || sleep 0.2
    wait $!
    __yard_c=$?
  done
  kill -9 -- -$!
  __yard_k=0
  if ((__yard_c > 128)); then
    __yard_k=1
    while IFS= read -r __yard_l; do
      [[ $__yard_l =~ ^\\[[0-9]+\\].[[:space:]]+Exit[[:space:]] ]] && __yard_k=0
    done < "$4"
  fi
  : > "$4"
  { echo "e $__yard_c $__yard_k" && times; } 2>&9 >&3 && continue
  { echo "p $__yard_p"; echo "e $__yard_c $__yard_k"; times; } > "$5/ending"
  mv -- "$5/ending" "$5/end"
  for ((__yard_i = 0; __yard_i < 7200; __yard_i++)); do
    [[ -e "$5/end" && ! -e "$5/../../over" ]] || break
    sleep 0.5
  done
  exit
done
`;

/** The shell has all that the script uses. */
export const SLOT_PROBE = '((BASH_VERSINFO[0] > 5 || (BASH_VERSINFO[0] == 5 && BASH_VERSINFO[1] >= 0)))';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names that mean something to the shell itself: setting them could fail or change what it does. */
const SHELLS_OWN =
  /^(__yard.*|_|IFS|BASH.*|SHELLOPTS|POSIXLY_CORRECT|UID|EUID|PPID|GROUPS|RANDOM|SRANDOM|SECONDS|LINENO|EPOCH.*|FUNCNAME|FUNCNEST|DIRSTACK|HIST.*|COMP_.*|COMPREPLY|COPROC|READLINE_.*|MAPFILE|OPT(IND|ARG|ERR)|PIPESTATUS|PS[0-4]|PROMPT_.*|REPLY|TIMEFORMAT|TMOUT|IGNOREEOF|MAIL.*|EXECIGNORE|GLOB.*|FIGNORE|ENV|CDPATH|CHILD_MAX|HOSTFILE|HOSTNAME|HOSTTYPE|INPUTRC|INSIDE_EMACS|MACHTYPE|OSTYPE|LC_.*|LANG|LANGUAGE|OLDPWD|PWD|SHLVL)$/;

/** False for variables that a shell cannot be trusted to pass on untouched. */
export function isShellSafe(name: string): boolean {
  return NAME.test(name) && !SHELLS_OWN.test(name);
}
