import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A TCP link that can go wrong. Every connection to `port` is passed on to the target; both directions can be
 * swallowed (the peers see silence, not an end) and all connections can be reset.
 */
export class FaultProxy {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private swallowsAnswers = false;
  private swallowsRequests = false;
  private isRefusing = false;

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {
    server.on('connection', (client: Socket) => {
      this.join(client);
    });
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new FaultProxy(server, targetPort);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Drops what the target says from now on. */
  loseAnswers(): void {
    this.swallowsAnswers = true;
  }

  /** Drops what both sides say: a half-open link. */
  blackHole(): void {
    this.swallowsAnswers = true;
    this.swallowsRequests = true;
  }

  /** The connections of now stay silent for ever; new ones work. */
  strand(): void {
    for (const [client, target] of this.pairs) {
      client.removeAllListeners('data').resume();
      target.destroy();
      target.removeAllListeners('close');
    }
    this.heal();
  }

  /** Resets all connections; new ones work unless `refuse` is set. */
  cut(options: { refuse?: boolean } = {}): void {
    this.isRefusing = options.refuse ?? false;
    for (const [client, target] of this.pairs) {
      client.resetAndDestroy();
      target.destroy();
    }
    this.pairs.clear();
  }

  heal(): void {
    this.swallowsAnswers = false;
    this.swallowsRequests = false;
    this.isRefusing = false;
  }

  async close(): Promise<void> {
    this.cut({ refuse: true });
    await new Promise<void>((resolve) =>
      this.server.close(() => {
        resolve();
      }),
    );
  }

  private join(client: Socket): void {
    if (this.isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ port: this.targetPort, host: '127.0.0.1', noDelay: true });
    const pair = [client, target] as const;
    this.pairs.add(pair);
    client.on('data', (bytes) => {
      if (!this.swallowsRequests && !target.write(bytes)) client.pause();
    });
    target.on('data', (bytes) => {
      if (!this.swallowsAnswers && !client.write(bytes)) target.pause();
    });
    client.on('drain', () => {
      target.resume();
    });
    target.on('drain', () => {
      client.resume();
    });
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.pairs.delete(pair);
        client.destroy();
        target.destroy();
      });
    }
  }
}
