import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { constants as system } from 'node:os';
import { join } from 'node:path';
import type { LaunchEvents, LaunchSpec, ProcessEnd, Slot } from './launch.js';
import { OutputPipe } from './output-pipe.js';

/** Starts attempts by itself: where there is no fitting shell, and for variables that a shell would not pass on as they are. */
export class SpawnSlot implements Slot {
  readonly isUsable = false;
  readonly #out: OutputPipe;
  readonly #err: OutputPipe;
  #events: LaunchEvents | null = null;

  constructor(
    private readonly dir: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {
    this.#out = new OutputPipe(join(dir, 'stdout'), (chunk) => this.#events?.onOutput('stdout', chunk));
    this.#err = new OutputPipe(join(dir, 'stderr'), (chunk) => this.#events?.onOutput('stderr', chunk));
  }

  async run(spec: LaunchSpec, events: LaunchEvents): Promise<ProcessEnd> {
    this.#events = events;
    this.#out.open();
    this.#err.open();
    const group = join(this.dir, 'group');
    const out = openSync(this.#out.path, constants.O_WRONLY);
    const err = openSync(this.#err.path, constants.O_WRONLY);
    let end: Omit<ProcessEnd, 'isQuiet'>;
    try {
      end = await new Promise((resolve) => {
        const [program, ...args] = spec.argv;
        const child = spawn(program!, args, {
          cwd: spec.cwd,
          env: { ...this.environment, ...Object.fromEntries(spec.env) },
          stdio: ['ignore', out, err],
          detached: true,
        });
        child.on('error', (error: NodeJS.ErrnoException) => {
          // As a shell says it, so that a missing program looks the same whoever started it.
          if (error.code === 'ENOENT' || error.code === 'EACCES')
            resolve({ code: error.code === 'ENOENT' ? 127 : 126, signal: null, cpuMs: null, failure: null });
          else resolve({ code: null, signal: null, cpuMs: null, failure: error.message });
        });
        child.on('exit', (code, signal) => {
          if (child.pid !== undefined) killGroup(child.pid);
          resolve({
            code,
            signal: signal === null ? null : system.signals[signal],
            cpuMs: null,
            failure: null,
          });
        });
        if (child.pid !== undefined) {
          writeFileSync(group, `${child.pid}\n`);
          events.onStarted(child.pid);
        }
      });
    } finally {
      closeSync(out);
      closeSync(err);
      writeFileSync(group, '');
    }
    const isQuiet = await this.#out.finish();
    return { ...end, isQuiet: (await this.#err.finish()) && isQuiet };
  }

  attach(): void {
    this.#out.attach();
    this.#err.attach();
  }

  condemn(): void {
    // Nobody can go on with it: its end is known to its parent alone.
  }

  abort(): void {
    // Its end is heard of by the runtime itself.
  }

  close(): void {
    this.#out.close();
    this.#err.close();
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing left in it.
  }
}
