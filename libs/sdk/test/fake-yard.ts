import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
export type Answer = (response: ServerResponse, request: Seen) => void;

/** For specs: an HTTP server that answers as it is told and remembers what it was asked. */
export class FakeYard {
  private constructor(
    private readonly server: Server,
    readonly url: string,
    readonly seen: readonly Seen[],
  ) {}

  static async start(answer: Answer): Promise<FakeYard> {
    const seen: Seen[] = [];
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const one = {
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(parts).toString(),
        };
        seen.push(one);
        answer(response, one);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeYard(server, `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, seen);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
