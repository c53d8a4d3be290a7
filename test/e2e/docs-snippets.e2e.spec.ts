import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pages } from '../../docs/pages.js';
import { nameOf, snippetsOf, type Snippet } from '../../docs/snippets.js';
import { ROOT, startYard, type StartedYard } from './start-yard.js';

/** For one snippet, on a busy machine. */
const PATIENCE_MS = 120_000;
const SNIPPET_MS = PATIENCE_MS + 10_000;
const RUNNABLE = ['sh', 'ts', 'js'];

function isRun(snippet: Snippet): boolean {
  return RUNNABLE.includes(snippet.language) && snippet.notRun === null && snippet.file === null;
}

/**
 * Runs what the pages show, page by page and in order, in a directory that looks like a checkout to it: `npx yard`, `npx node`,
 * `examples/` and imports of the SDK work as they do for a reader.
 */
describe('the snippets of the docs run as they stand', () => {
  let yard: StartedYard;
  beforeAll(async () => {
    yard = await startYard();
  });
  afterAll(async () => {
    await yard.stop();
  });

  const withSnippets = pages()
    .map((page) => ({ page, list: snippetsOf(page) }))
    .filter(({ list }) => list.some(isRun));

  describe.each(withSnippets)('$page', ({ list }) => {
    let place: Checkout;
    beforeAll(() => {
      place = new Checkout(yard);
      for (const { file, text } of list) if (file !== null) place.write(file, text);
    });
    afterAll(async () => {
      await place.remove();
    });

    it.each(list.filter(isRun).map((snippet): [string, Snippet] => [nameOf(snippet), snippet]))(
      '%s',
      async (_, snippet) => {
        if (snippet.isBackground) return place.runBehind(snippet.text);
        const { code, output } = await place.run(snippet);
        expect(code, output).toBe(0);
      },
      SNIPPET_MS,
    );
  });
});

/** A temporary directory in which a reader could be. */
class Checkout {
  readonly #dir = mkdtempSync(path.join(tmpdir(), 'yard-docs-'));
  readonly #env: NodeJS.ProcessEnv;
  readonly #behind: ChildProcess[] = [];
  #scripts = 0;

  constructor(yard: StartedYard) {
    for (const name of ['node_modules', 'examples', 'apps', 'package.json'])
      symlinkSync(path.join(ROOT, name), path.join(this.#dir, name));
    const bin = path.join(this.#dir, '.bin');
    mkdirSync(bin);
    writeFileSync(
      path.join(bin, 'yard'),
      `#!/bin/sh\nexec '${process.execPath}' '${ROOT}/apps/cli/bin/yard.mjs' "$@"\n`,
    );
    // What npx does in a checkout, without the second that npm takes to think about it.
    writeFileSync(
      path.join(bin, 'npx'),
      `#!/bin/sh\nPATH='${bin}':'${path.dirname(process.execPath)}':"$PATH" exec "$@"\n`,
    );
    for (const name of ['yard', 'npx']) chmodSync(path.join(bin, name), 0o755);
    this.#env = {
      ...process.env,
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      YARD_HOME: yard.home,
      YARD_URL: yard.url,
      YARD_TOKEN: yard.token,
      NO_COLOR: '1',
      PS4: '+ $SECONDS s: ',
    };
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.#dir, file), text);
  }

  runBehind(text: string): void {
    const child = this.#shell(text);
    child.stdout?.resume();
    child.stderr?.resume();
    this.#behind.push(child);
  }

  async run({ language, text }: Snippet): Promise<{ code: number | null; output: string }> {
    if (language === 'sh') return ended(this.#shell(text));
    const file = `snippet-${String(++this.#scripts)}.${language === 'ts' ? 'mts' : 'mjs'}`;
    this.write(file, text);
    return ended(this.#start(process.execPath, [file]));
  }

  async remove(): Promise<void> {
    for (const child of this.#behind) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      // The shell and what it started are one group.
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      process.kill(-child.pid, 'SIGTERM');
      await gone;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #shell(text: string): ChildProcess {
    return this.#start('bash', ['-eux', '-o', 'pipefail', '-c', text]);
  }

  #start(program: string, args: readonly string[]): ChildProcess {
    return spawn(program, args, {
      cwd: this.#dir,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }
}

/** How it ended and what it printed; one that takes too long is killed, so that its output tells where it stood. */
async function ended(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => {
    output += `\n(killed after ${String(PATIENCE_MS / 1000)} s)\n`;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, PATIENCE_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, output };
}
