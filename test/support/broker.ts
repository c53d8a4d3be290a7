import { readFileSync } from 'node:fs';
import path from 'node:path';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

/** The broker of a yard, with the password of its state directory: what its own services may do, and no user. */
export class Broker {
  private constructor(
    readonly connection: NatsConnection,
    private readonly manager: JetStreamManager,
    readonly access: { readonly url: string; readonly user: string; readonly password: string },
  ) {}

  static async of(home: string): Promise<Broker> {
    const { nats } = JSON.parse(readFileSync(path.join(home, 'servers.secret.json'), 'utf8')) as {
      nats: string;
    };
    const port = /listen: "127\.0\.0\.1:(\d+)"/.exec(
      readFileSync(path.join(home, 'nats', 'nats-server.conf'), 'utf8'),
    )?.[1];
    const connection = await connect({ servers: `127.0.0.1:${port ?? ''}`, user: 'yard', pass: nats });
    const access = { url: `nats://127.0.0.1:${port ?? ''}`, user: 'yard', password: nats };
    return new Broker(connection, await jetstreamManager(connection), access);
  }

  /** Last sequence of each stream. */
  async heads(): Promise<Record<string, number>> {
    const heads: Record<string, number> = {};
    for await (const { config, state } of this.manager.streams.list()) heads[config.name] = state.last_seq;
    return heads;
  }

  /** Purges all of a stream but its last message. */
  async purgeFront(stream: string, last: number): Promise<void> {
    await this.manager.streams.purge(stream, { seq: last });
  }

  /** The same of the streams that hold tasks. */
  async taskHeads(): Promise<Record<string, number>> {
    return Object.fromEntries(
      Object.entries(await this.heads()).filter(([name]) => name.startsWith('tasks-')),
    );
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}
