import { once } from 'node:events';
import type pg from 'pg';

/** What the driver's connection does beyond its types. */
interface CopyConnection extends pg.Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/** `COPY ... FROM STDIN` over a client of the driver: one query that sends its rows while it runs. */
export class CopyIn implements pg.Submittable {
  readonly #done = Promise.withResolvers<undefined>();
  #isOver = false;

  constructor(
    private readonly text: string,
    /** Chunks; each is sent before the next is asked for. */
    private readonly chunks: () => AsyncGenerator<Buffer>,
  ) {}

  /** Resolves when the server has taken every row. */
  static async run(client: pg.Client, text: string, chunks: () => AsyncGenerator<Buffer>): Promise<void> {
    const copy = new CopyIn(text, chunks);
    client.query(copy);
    await copy.#done.promise;
  }

  submit(connection: pg.Connection): void {
    connection.query(this.text);
  }

  handleCopyInResponse(connection: pg.Connection): void {
    void this.#send(connection as CopyConnection);
  }

  handleCommandComplete(): void {
    this.#isOver = true;
  }

  handleReadyForQuery(): void {
    this.#done.resolve(undefined);
  }

  handleError(error: Error): void {
    this.#isOver = true;
    this.#done.reject(error);
  }

  async #send(connection: CopyConnection): Promise<void> {
    try {
      for await (const chunk of this.chunks()) {
        // The server refused a row, or is gone.
        if (this.#isOver) return;
        connection.sendCopyFromChunk(chunk);
        if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain');
      }
      if (!this.#isOver) connection.endCopyFrom();
    } catch (error) {
      if (!this.#isOver) connection.sendCopyFail((error as Error).message);
    }
  }
}
