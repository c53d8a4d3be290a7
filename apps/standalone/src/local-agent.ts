import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** How long an agent that was asked to stop may take before it is killed. */
const STOP_PATIENCE_MS = 10_000;
const LOOK_MS = 50;

interface AgentRecord {
  readonly pid: number;
  readonly startedAt: string;
}

/**
 * The agent of this machine: a process in a session of its own, so that it outlives a crashed yard and does not hear Ctrl-C
 * meant for it. A yard that starts again finds it by its record and leaves it be; it comes back by itself.
 */
export class LocalAgent {
  readonly #record: string;

  constructor(private readonly home: string) {
    this.#record = path.join(home, 'run', 'agent.json');
  }

  /** Starts the agent unless one of this home is alive. It reads the yard's address from the context file at every connection. */
  start(): { pid: number; isNew: boolean } {
    const known = this.#alive();
    if (known !== null) return { pid: known, isNew: false };
    const directory = path.join(this.home, 'agent');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    mkdirSync(path.dirname(this.#record), { recursive: true, mode: 0o700 });
    const output = openSync(path.join(directory, 'agent.log'), 'a', 0o600);
    const main = createRequire(import.meta.url).resolve('@yardmaster/agent/main');
    const child = spawn(process.execPath, ['--max-semi-space-size=4', '--max-old-space-size=256', main], {
      detached: true,
      stdio: ['ignore', output, output],
      cwd: directory,
      env: environment(this.home),
    });
    child.unref();
    if (child.pid === undefined) throw new Error('the agent could not be started');
    const startedAt = startTimeOf(child.pid);
    writeFileSync(this.#record, JSON.stringify({ pid: child.pid, startedAt } satisfies AgentRecord), {
      mode: 0o600,
    });
    return { pid: child.pid, isNew: true };
  }

  /** Asks the agent to end its attempts and leave; kills it when it does not. */
  async stop(): Promise<void> {
    const pid = this.#alive();
    if (pid !== null) {
      process.kill(pid, 'SIGTERM');
      const until = Date.now() + STOP_PATIENCE_MS;
      while (this.#alive() !== null && Date.now() < until)
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (this.#alive() !== null) process.kill(pid, 'SIGKILL');
    }
    rmSync(this.#record, { force: true });
  }

  #alive(): number | null {
    try {
      const { pid, startedAt } = JSON.parse(readFileSync(this.#record, 'utf8')) as AgentRecord;
      return startTimeOf(pid) === startedAt && startedAt !== '' ? pid : null;
    } catch {
      return null;
    }
  }
}

/** Address and key come from the state directory, whatever this terminal's variables say. */
function environment(home: string): NodeJS.ProcessEnv {
  const { YARD_URL: _url, YARD_TOKEN: _token, ...rest } = process.env;
  return { ...rest, YARD_HOME: home };
}

/** Tells a process from a later one with the same pid; '' when there is none or it is a zombie. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    try {
      process.kill(pid, 0);
      return 'alive';
    } catch {
      return '';
    }
  }
}
