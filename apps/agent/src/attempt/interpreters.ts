import { execFile } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

/** A question whose answer is the program behind a version manager's shim. */
const ASK: Readonly<Record<string, readonly string[]>> = {
  python3: ['-c', 'import sys; print(sys.executable)'],
  python: ['-c', 'import sys; print(sys.executable)'],
  node: ['-p', 'process.execPath'],
  ruby: ['-e', 'print RbConfig.ruby'],
};

/** Finds the programs that run scripts. Shims of version managers cost 100 ms a start, so what they stand for is asked once. */
export class Interpreters {
  readonly #known = new Map<string, string>();
  readonly #asking = new Map<string, Promise<string>>();
  readonly #firstLines = new Map<string, readonly string[] | null>();

  constructor(private readonly searchPath: string) {}

  /** Path of a program, without a shim where one is known; the name itself when it is nowhere. Undefined = not known yet. */
  peek(program: string): string | undefined {
    return program.includes('/') ? program : this.#known.get(program);
  }

  async resolve(program: string): Promise<string> {
    const known = this.peek(program);
    if (known !== undefined) return known;
    let asking = this.#asking.get(program);
    if (asking === undefined) {
      asking = this.#find(program).then((path) => {
        this.#known.set(program, path);
        this.#asking.delete(program);
        return path;
      });
      this.#asking.set(program, asking);
    }
    return await asking;
  }

  /** The command that runs a script: by its first line, else by the extension of the path it was submitted under. */
  scriptCommand(file: string, submittedAs: string): readonly string[] {
    let first = this.#firstLines.get(file);
    if (first === undefined) this.#firstLines.set(file, (first = readFirstLine(file)));
    if (first !== null) return first;
    switch (extname(submittedAs).toLowerCase()) {
      case '.py':
        return ['python3'];
      case '.js':
      case '.mjs':
      case '.cjs':
        return ['node'];
      case '.sh':
      case '.bash':
        return [this.#has('bash') ? 'bash' : 'sh'];
      default:
        return ['sh'];
    }
  }

  #has(program: string): boolean {
    return this.#search(program) !== null;
  }

  #search(program: string): string | null {
    for (const dir of this.searchPath.split(':')) {
      if (dir === '') continue;
      const path = join(dir, program);
      try {
        accessSync(path, constants.X_OK);
        if (statSync(path).isFile()) return path;
      } catch {
        // Not here.
      }
    }
    return null;
  }

  async #find(program: string): Promise<string> {
    const path = this.#search(program);
    if (path === null) return program === 'node' ? process.execPath : program;
    const question = ASK[program];
    if (question === undefined || basename(dirname(path)) !== 'shims') return path;
    return await new Promise((resolve) => {
      execFile(path, question, { timeout: 5_000 }, (error, stdout) => {
        const answer = stdout.trim();
        resolve(error === null && answer.startsWith('/') ? answer : path);
      });
    });
  }
}

/** `#!` line as a command, its argument whole, as the kernel reads it; null without one. */
function readFirstLine(file: string): readonly string[] | null {
  const bytes = Buffer.alloc(256);
  const fd = openSync(file, 'r');
  let length: number;
  try {
    length = readSync(fd, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(fd);
  }
  const line = bytes.toString('utf8', 0, length).split('\n', 1)[0]!.replace(/\r$/, '');
  const match = /^#![ \t]*(\S+)(?:[ \t]+(.*?))?[ \t]*$/.exec(line);
  if (match === null) return null;
  const [, program, argument] = match;
  if (basename(program!) !== 'env' || argument === undefined)
    return argument === undefined ? [program!] : [program!, argument];
  // `env NAME`: looked up as any program is. Options and assignments are env's own business.
  return /^[^-=\s]+$/.test(argument) ? [argument] : [program!, argument];
}
