import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Outlives the agent by a moment: when the agent is gone without a word (the pipe ends without `bye`), it ends the
 * attempts that the agent left behind. Groups come from the slots' files; processes that left their group are known
 * by their environment or their directory. $1 is the run's directory.
 */
const WARDEN_SCRIPT = `
while IFS= read -r line; do [ "$line" = bye ] && exit 0; done
targets() {
  for file in "$1"/slots/*/group; do
    { IFS= read -r pid < "$file"; } 2>/dev/null && case "$pid" in ''|*[!0-9]*) ;; *) echo "-$pid" ;; esac
  done
  grep -laF -- "YARD_OUTPUT=$1/io/" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do echo "$pid"; done
  ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -F -- " -> $1/attempts/" | while read -r line; do pid=\${line#*/proc/}; echo "\${pid%%/*}"; done
}
found=$(targets "$1")
[ -z "$found" ] && exit 0
for pid in $found; do kill -s TERM -- "$pid"; kill -s CONT -- "$pid"; done 2>/dev/null
k=0
while [ $k -lt 30 ]; do
  sleep 0.1
  [ -z "$(targets "$1")" ] && exit 0
  k=$((k + 1))
done
k=0
while [ $k -lt 20 ]; do
  found=$(targets "$1")
  [ -z "$found" ] && exit 0
  for pid in $found; do kill -s KILL -- "$pid"; done 2>/dev/null
  sleep 0.1
  k=$((k + 1))
done
`;

export class Warden {
  readonly #shell: ChildProcess;

  constructor(run: string, path: string) {
    this.#shell = spawn('sh', ['-c', WARDEN_SCRIPT, 'yard-warden', run], {
      env: { PATH: path, LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#shell.stdin!.on('error', () => undefined);
    this.#shell.on('error', () => undefined);
  }

  /** Everything has ended in order. */
  async dismiss(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return;
    const gone = new Promise<void>((resolve) =>
      this.#shell.once('exit', () => {
        resolve();
      }),
    );
    this.#shell.stdin!.end('bye\n');
    const timer = setTimeout(() => this.#shell.kill('SIGKILL'), 500);
    await gone;
    clearTimeout(timer);
  }
}
