import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** How a proxy treats what passes; `up` = from the client to the server. */
export interface Manners {
  /** Each chunk waits so long, and up to `jitterMs` longer, in order. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Nothing passes in this direction, and nobody is told. */
  readonly blackHole?: 'up' | 'down' | 'both';
  /** Bytes per second and connection. */
  readonly rate?: number;
  /** New connections are refused. */
  readonly refuse?: boolean;
}

const OTHERS = /"connect_urls":\[[^\]]*\]/;

/** A nats-server tells its clients where the others are, and they would go round the proxies: this leaves that out. */
export function withoutOthers(chunk: Buffer): Buffer {
  if (!chunk.includes('"connect_urls":[')) return chunk;
  const text = chunk.toString('latin1');
  return Buffer.from(
    text.replace(OTHERS, (found) => '"connect_urls":[]'.padEnd(found.length)),
    'latin1',
  );
}

/** A proxy on loopback that can be told to misbehave, for connections that are open and for new ones. */
export class TcpProxy {
  readonly port: number;
  connections = 0;
  /** Bytes that were held back or swallowed. */
  swallowed = 0;
  delayed = 0;
  #manners: Manners = {};
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  readonly #told: (chunk: Buffer) => Buffer;

  private constructor(server: Server, told: (chunk: Buffer) => Buffer) {
    this.#server = server;
    this.#told = told;
    this.port = (server.address() as AddressInfo).port;
  }

  /** `told`: what becomes of each chunk from the server. */
  static async to(
    target: () => number,
    told: (chunk: Buffer) => Buffer = (chunk) => chunk,
  ): Promise<TcpProxy> {
    let proxy: TcpProxy | null = null;
    const server = createServer((client) => proxy?.pass(client, target()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = new TcpProxy(server, told);
    return proxy;
  }

  behave(manners: Manners): void {
    this.#manners = manners;
  }

  /** Ends every open connection: with RST, as a broken path does, else in order. */
  cut(): number {
    const cut = this.#pairs.size;
    for (const [a, b] of this.#pairs) {
      a.resetAndDestroy();
      b.resetAndDestroy();
    }
    return cut;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  private pass(client: Socket, port: number): void {
    if (this.#manners.refuse === true) return void client.resetAndDestroy();
    this.connections++;
    const server = connect({ port, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    this.#pump(client, server, 'up');
    this.#pump(server, client, 'down');
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
  }

  #pump(from: Socket, to: Socket, direction: 'up' | 'down'): void {
    // When the last chunk goes on: none overtakes another.
    let free = 0;
    from.on('data', (raw: Buffer) => {
      const chunk = direction === 'down' ? this.#told(raw) : raw;
      const { delayMs = 0, jitterMs = 0, blackHole, rate } = this.#manners;
      if (blackHole === direction || blackHole === 'both') {
        this.swallowed += chunk.length;
        return;
      }
      const now = performance.now();
      const wait = delayMs + Math.random() * jitterMs;
      const takes = rate === undefined ? 0 : (chunk.length / rate) * 1_000;
      const at = Math.max(now + wait, free) + takes;
      free = at;
      if (at - now < 1) {
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        return;
      }
      this.delayed++;
      if (takes > 0) from.pause();
      setTimeout(() => {
        if (!to.destroyed) to.write(chunk);
        if (takes > 0) from.resume();
      }, at - now);
    });
  }
}
