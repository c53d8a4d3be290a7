import { WorkerHttpError, type LogStream, type WorkerHttp } from '@yardmaster/sdk/session';
import type { CapturedLog } from './captured-log.js';

/** Brings one captured stream to the yard, a chunk at a time and in order. */
export class LogUpload {
  #going: Promise<boolean> | null = null;

  constructor(
    private readonly http: WorkerHttp,
    private readonly log: CapturedLog,
    private readonly tenant: number,
    private readonly task: string,
    private readonly attempt: number,
    private readonly stream: LogStream,
  ) {}

  /** Sends what there is; true when the yard has, or has refused, all of it. */
  async push(): Promise<boolean> {
    this.#going ??= this.#run().finally(() => {
      this.#going = null;
    });
    return await this.#going;
  }

  async #run(): Promise<boolean> {
    for (let bytes = this.log.next(); bytes !== null; bytes = this.log.next()) {
      try {
        await this.http.putLog(this.tenant, this.task, this.attempt, this.stream, this.log.uploaded, bytes);
      } catch (error) {
        // Refused for good (erased task, lost rights): there is nobody to keep it for.
        if (error instanceof WorkerHttpError && !error.isTransient) {
          this.log.uploaded = this.log.length;
          return true;
        }
        return false;
      }
      this.log.uploaded += bytes.length;
    }
    return true;
  }
}
