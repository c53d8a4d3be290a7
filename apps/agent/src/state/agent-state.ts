import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Someone else runs an agent on this state directory. */
export class AgentRunsAlreadyError extends Error {
  override readonly name = 'AgentRunsAlreadyError';
  constructor(
    readonly dir: string,
    readonly pid: number,
  ) {
    super(`an agent runs on ${dir} already (process ${pid})`);
  }
}

/**
 * The agent's directory:
 * `id` the worker's id, `lock` the process that owns it, `reports.journal`, `scripts/` by hash, `checkpoints/<task>/`,
 * `runs/<incarnation>/` with `attempts/` (working directories), `io/` (inputs, results, output), `slots/`,
 * `spare/` (empty directories), `ended` `taken` `over` (of the warden); `runs/<incarnation>.<ms>/`, the same for attempts with longer leases.
 * A run's directory is named in the environment of its attempts: that tells whose they are after a crash.
 */
export class AgentState {
  readonly dir: string;
  readonly worker: string;
  readonly incarnation = randomUUID();
  readonly run: string;

  constructor(dir: string, worker?: string) {
    this.dir = resolve(dir);
    mkdirSync(join(this.dir, 'runs'), { recursive: true, mode: 0o700 });
    this.#lock();
    this.worker = this.#identity(worker);
    this.run = join(this.dir, 'runs', this.incarnation);
    for (const part of ['attempts', 'io', 'slots'])
      mkdirSync(join(this.run, part), { recursive: true, mode: 0o700 });
    mkdirSync(join(this.dir, 'checkpoints'), { recursive: true, mode: 0o700 });
  }

  /** Directories of earlier runs that did not end well. */
  earlierRuns(): { readonly run: string; readonly leaseTtlMs: number | undefined }[] {
    return readdirSync(join(this.dir, 'runs'))
      .filter((name) => name !== this.incarnation)
      .map((name) => {
        const ttlMs = Number(name.split('.')[1]);
        return { run: join(this.dir, 'runs', name), leaseTtlMs: ttlMs > 0 ? ttlMs : undefined };
      });
  }

  /** False once the directory was deleted under a running agent. */
  isThere(): boolean {
    return readText(join(this.dir, 'id')) === this.worker;
  }

  release(): void {
    rmSync(this.run, { recursive: true, force: true, maxRetries: 3 });
    rmSync(join(this.dir, 'lock'), { force: true });
  }

  #identity(wanted: string | undefined): string {
    const path = join(this.dir, 'id');
    const known = readText(path);
    if (wanted === undefined && known !== null && known !== '') return known;
    const worker = wanted ?? `agent-${randomUUID()}`;
    writeFileSync(`${path}.new`, `${worker}\n`);
    renameSync(`${path}.new`, path);
    return worker;
  }

  #lock(): void {
    const path = join(this.dir, 'lock');
    for (let k = 0; k < 2; k++) {
      try {
        writeFileSync(path, `${process.pid} ${startOf(process.pid) ?? ''}\n`, { flag: 'wx' });
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const pid = lockHolder(this.dir);
      if (pid !== null) throw new AgentRunsAlreadyError(this.dir, pid);
      rmSync(path, { force: true });
    }
    throw new Error(`${path} cannot be taken`);
  }
}

/** Process id of the agent that runs on a state directory, or null. */
export function lockHolder(dir: string): number | null {
  const [pid, start] = (readText(join(dir, 'lock')) ?? '').split(' ');
  const id = Number(pid);
  return id > 0 && start !== undefined && startOf(id) === start ? id : null;
}

/** When a process started, in the kernel's own count: tells it from a later one with the same id. */
function startOf(pid: number): string | null {
  const text = readText(`/proc/${pid}/stat`);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? null : (fields[19] ?? null);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
