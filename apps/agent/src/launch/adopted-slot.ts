import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { condemn } from './condemned.js';
import { parseEnd } from './end-text.js';
import type { LaunchEvents, LaunchSpec, ProcessEnd, Slot } from './launch.js';
import { OutputPipe } from './output-pipe.js';
import type { SpecNote } from './spec-text.js';

const LOOK_MS = 50;

/** A launcher that an earlier agent left, with the one attempt that it runs or that ended meanwhile. */
export class AdoptedSlot implements Slot {
  readonly isUsable = false;
  readonly #out: OutputPipe;
  readonly #err: OutputPipe;
  #events: LaunchEvents | null = null;
  #giveUp: (() => void) | null = null;

  /** `pid` leads its process group; null when it has ended. */
  constructor(
    private readonly dir: string,
    private readonly pid: number | null,
    private readonly note: SpecNote,
  ) {
    this.#out = new OutputPipe(join(dir, 'stdout'), (chunk) => this.#events?.onOutput('stdout', chunk));
    this.#err = new OutputPipe(join(dir, 'stderr'), (chunk) => this.#events?.onOutput('stderr', chunk));
  }

  /** It runs already: what is told here is what becomes of it. */
  async run(_: LaunchSpec | null, events: LaunchEvents): Promise<ProcessEnd> {
    this.#events = events;
    this.#out.open();
    this.#err.open();
    if (this.pid !== null) events.onStarted(this.pid);
    const end = await this.#ended(events);
    const isQuiet = await this.#out.finish();
    return { ...end, isQuiet: (await this.#err.finish()) && isQuiet };
  }

  attach(): void {
    this.#out.attach();
    this.#err.attach();
  }

  condemn(): void {
    condemn(this.dir);
  }

  abort(): void {
    this.#giveUp?.();
  }

  close(): void {
    this.#out.close();
    this.#err.close();
    // Its launcher waits for this.
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3, retryDelay: 10 });
  }

  async #ended(events: LaunchEvents): Promise<Omit<ProcessEnd, 'isQuiet'>> {
    return await new Promise((resolve) => {
      const look = (): void => {
        const end = this.#read();
        if (end === null) return;
        clearInterval(timer);
        const { pid, ...told } = end;
        if (this.pid === null) events.onStarted(pid);
        resolve({ ...told, failure: null });
      };
      const timer = setInterval(look, LOOK_MS);
      this.#giveUp = () => {
        clearInterval(timer);
        resolve({ code: null, signal: null, cpuMs: null, failure: 'its launcher ended after its agent' });
      };
      look();
    });
  }

  #read(): (Pick<ProcessEnd, 'code' | 'signal' | 'cpuMs' | 'wallMs'> & { readonly pid: number }) | null {
    const file = join(this.dir, 'end');
    // Mostly it runs on, and an error costs more than a look.
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return null;
    const [, pid, rest] = /^p (\d+)\n([^]*)$/.exec(readFileSync(file, 'latin1')) ?? [];
    const end = parseEnd(rest ?? '');
    if (end === null) return null;
    return {
      pid: Number(pid),
      code: end.code,
      signal: end.signal,
      cpuMs: Math.max(0, end.cpuMs - this.note.spentMs),
      wallMs: Math.max(0, Math.round(found.mtimeMs - this.note.startedAt)),
    };
  }
}
