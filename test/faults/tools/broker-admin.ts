import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { KeptServers } from '../yard/kept-servers.js';

/** The broker as one of the yard's own services may speak to it. */
export class BrokerAdmin implements AsyncDisposable {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.connection = connection;
    this.manager = manager;
  }

  static async of(servers: KeptServers): Promise<BrokerAdmin> {
    const connection = await connect({
      servers: servers.natsUrl().split(','),
      user: 'yard',
      pass: servers.secret('nats'),
      name: 'fault run',
      waitOnFirstConnect: true,
    });
    return new BrokerAdmin(connection, await jetstreamManager(connection, { timeout: 10_000 }));
  }

  /** Name of the server that leads a stream, as the keeper calls it. */
  async leaderOf(stream: string): Promise<string> {
    const { cluster } = await this.manager.streams.info(stream);
    return (cluster?.leader ?? '').replace('yard', 'nats');
  }

  async streamNames(): Promise<string[]> {
    const names: string[] = [];
    for await (const { config } of this.manager.streams.list()) names.push(config.name);
    return names;
  }

  /** Asks the leader of a stream to hand over, to a server of that name if one is given. */
  async stepDown(stream: string, to?: string): Promise<boolean> {
    const wish = to === undefined ? '' : JSON.stringify({ placement: { preferred: to } });
    const answer = await this.connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, wish, {
      timeout: 5_000,
    });
    return answer.json<{ success?: boolean }>().success === true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}
