import type { AttemptFiles } from './attempt-files.js';
import { CapturedLog } from './captured-log.js';
import { LogUpload } from './log-upload.js';
import type { AttemptHost } from './running-attempt.js';

/** What one attempt writes to its two streams, on its way to the yard. */
export class AttemptOutput {
  readonly #stdout: CapturedLog;
  readonly #stderr: CapturedLog;
  readonly #uploads: readonly [LogUpload, LogUpload];

  constructor(
    private readonly host: Pick<AttemptHost, 'http' | 'logCapBytes' | 'isOnline' | 'keep'>,
    files: AttemptFiles,
    { tenant, task, attempt }: { readonly tenant: number; readonly task: string; readonly attempt: number },
  ) {
    this.#stdout = new CapturedLog(files.captured('stdout'), host.logCapBytes);
    this.#stderr = new CapturedLog(files.captured('stderr'), host.logCapBytes);
    this.#uploads = [
      new LogUpload(host.http, this.#stdout, tenant, task, attempt, 'stdout'),
      new LogUpload(host.http, this.#stderr, tenant, task, attempt, 'stderr'),
    ];
  }

  /** Goes on where an earlier agent was. */
  resume(): void {
    this.#stdout.resume();
    this.#stderr.resume();
  }

  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    (stream === 'stdout' ? this.#stdout : this.#stderr).write(chunk);
  }

  /** The last line of stderr, as it is put behind an error text. */
  get lastWords(): string {
    const line = this.#stderr.tail.trimEnd().split('\n').pop()?.trim() ?? '';
    return line === '' ? '' : `: ${line.slice(0, 300)}`;
  }

  /** Passes on what is new. */
  push(): void {
    if (this.#stdout.uploaded < this.#stdout.length) void this.#uploads[0].push();
    if (this.#stderr.uploaded < this.#stderr.length) void this.#uploads[1].push();
  }

  /** At the end: brings all of it, or keeps it for later. */
  async bring(): Promise<void> {
    const remove = (): void => {
      this.#stdout.remove();
      this.#stderr.remove();
    };
    if (this.#stdout.length === 0 && this.#stderr.length === 0) return;
    for (let k = 0; k < 3 && this.host.isOnline(); k++) {
      const [out, err] = await Promise.all([this.#uploads[0].push(), this.#uploads[1].push()]);
      if (out && err) {
        remove();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100 * (k + 1)));
    }
    this.host.keep(this.#uploads, remove);
  }
}
