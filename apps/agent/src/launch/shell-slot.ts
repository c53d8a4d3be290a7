import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { condemn, pardon } from './condemned.js';
import { parseEnd } from './end-text.js';
import type { LaunchEvents, LaunchSpec, ProcessEnd, Slot } from './launch.js';
import { OutputPipe } from './output-pipe.js';
import { SLOT_SCRIPT } from './slot-script.js';
import { specText } from './spec-text.js';

interface Turn {
  readonly events: LaunchEvents;
  readonly resolve: (end: ProcessEnd) => void;
  hasStarted: boolean;
}

/** A persistent shell that runs one attempt after another. Its pipes and files are there already: see `make`. */
export class ShellSlot implements Slot {
  readonly #shell: ChildProcess;
  readonly #out: OutputPipe;
  readonly #err: OutputPipe;
  readonly #specFd: number;
  #turn: Turn | null = null;
  #text = '';
  #cpuMs = 0;
  #isUsable = true;
  #isCondemned = false;

  constructor(
    shell: string,
    private readonly dir: string,
    environment: Readonly<Record<string, string>>,
  ) {
    const spec = join(dir, 'spec');
    this.#out = new OutputPipe(join(dir, 'stdout'), (chunk) => this.#turn?.events.onOutput('stdout', chunk));
    this.#err = new OutputPipe(join(dir, 'stderr'), (chunk) => this.#turn?.events.onOutput('stderr', chunk));
    this.#specFd = openSync(spec, 'w', 0o600);
    // A session of its own: a Ctrl-C on the terminal is the agent's to handle.
    this.#shell = spawn(
      shell,
      [
        '--norc',
        '--noprofile',
        '-c',
        SLOT_SCRIPT,
        'yard',
        spec,
        this.#out.path,
        this.#err.path,
        join(dir, 'group'),
        dir,
      ],
      {
        env: environment,
        stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
        detached: true,
      },
    );
    this.#shell.stdin!.on('error', () => undefined);
    (this.#shell.stdio[3] as Readable).on('data', (chunk: Buffer) => {
      this.#hear(chunk);
    });
    this.#shell.on('error', (error) => {
      this.#die(error.message);
    });
    this.#shell.on('exit', () => {
      this.#die('its launcher shell ended');
    });
  }

  get isUsable(): boolean {
    return this.#isUsable;
  }

  async run(spec: LaunchSpec, events: LaunchEvents): Promise<ProcessEnd> {
    this.#out.open();
    this.#err.open();
    const bytes = Buffer.from(specText(spec, { spentMs: this.#cpuMs, startedAt: Date.now() }));
    writeSync(this.#specFd, bytes, 0, bytes.length, 0);
    ftruncateSync(this.#specFd, bytes.length);
    const ended = new Promise<ProcessEnd>((resolve) => {
      this.#turn = { events, resolve, hasStarted: false };
    });
    this.#shell.stdin!.write('\n');
    const end = await ended;
    const isQuiet = await this.#isQuiet();
    this.#turn = null;
    if (this.#isCondemned) {
      this.#isCondemned = false;
      pardon(this.dir);
    }
    if (!isQuiet) this.#isUsable = false;
    return { ...end, isQuiet };
  }

  attach(): void {
    if (this.#turn?.hasStarted !== true) return;
    this.#out.attach();
    this.#err.attach();
  }

  condemn(): void {
    if (this.#turn === null) return;
    this.#isCondemned = true;
    condemn(this.dir);
  }

  abort(): void {
    this.#shell.kill('SIGKILL');
  }

  close(): void {
    this.#isUsable = false;
    this.#shell.stdin!.end();
    this.#out.close();
    this.#err.close();
    closeSync(this.#specFd);
    const timer = setTimeout(() => this.#shell.kill('SIGKILL'), 500);
    this.#shell.once('exit', () => {
      clearTimeout(timer);
    });
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) clearTimeout(timer);
  }

  async #isQuiet(): Promise<boolean> {
    const out = await this.#out.finish();
    return (await this.#err.finish()) && out;
  }

  #hear(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    for (;;) {
      const turn = this.#turn;
      if (this.#text.startsWith('p ')) {
        const line = this.#text.indexOf('\n');
        if (line < 0) return;
        const pid = Number(this.#text.slice(2, line));
        this.#text = this.#text.slice(line + 1);
        if (turn !== null) {
          turn.hasStarted = true;
          turn.events.onStarted(pid);
        }
        continue;
      }
      const end = parseEnd(this.#text);
      if (end === null) return;
      this.#text = this.#text.slice(end.length);
      const spent = Math.max(0, end.cpuMs - this.#cpuMs);
      this.#cpuMs = end.cpuMs;
      if (turn === null) continue;
      const isKnown = turn.hasStarted || end.signal !== null;
      turn.resolve({
        code: isKnown ? end.code : null,
        signal: end.signal,
        cpuMs: spent,
        failure: isKnown ? null : 'its directory, pipes or variables could not be set up',
        isQuiet: true,
      });
    }
  }

  #die(why: string): void {
    this.#isUsable = false;
    this.#turn?.resolve({ code: null, signal: null, cpuMs: null, failure: why, isQuiet: false });
  }
}
