import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { provideNats } from '@yardmaster/servers';

export const SYSTEM_USER = { user: 'sys', password: 'sys' };
const START_PATIENCE_MS = 20_000;

interface BrokerPlace {
  readonly name: string;
  readonly port: number;
  readonly clusterPort: number;
}

/** A real nats-server of a test's own, which can be killed and comes back on the same port and store. */
export class NatsBroker {
  private child: ChildProcess | null = null;

  private constructor(
    private readonly binary: string,
    private readonly directory: string,
    readonly name: string,
    readonly port: number,
  ) {}

  /** One server, or the members of a cluster. Every write is synced. */
  static async start(count: 1 | 3 = 1): Promise<NatsBroker[]> {
    const { file } = await provideNats({
      env: process.env,
      onProgress: () => undefined,
      signal: AbortSignal.timeout(120_000),
    });
    const places: BrokerPlace[] = [];
    for (let at = 0; at < count; at++) {
      places.push({ name: `n${String(at)}`, port: await freePort(), clusterPort: await freePort() });
    }
    const brokers = places.map((place) => {
      const directory = mkdtempSync(path.join(tmpdir(), 'yard-nats-'));
      writeFileSync(path.join(directory, 'nats.conf'), configuration(place, places, directory));
      return new NatsBroker(file, directory, place.name, place.port);
    });
    await Promise.all(brokers.map((broker) => broker.up()));
    return brokers;
  }

  get url(): string {
    return `nats://127.0.0.1:${String(this.port)}`;
  }

  /** Starts the process and waits until it greets. */
  async up(): Promise<void> {
    this.child = spawn(this.binary, ['-c', path.join(this.directory, 'nats.conf')], { stdio: 'ignore' });
    const until = performance.now() + START_PATIENCE_MS;
    while (!(await greets(this.port))) {
      if (performance.now() > until) throw new Error(`nats-server ${this.name} does not start`);
      await sleep(20);
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    const isGone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await isGone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function configuration(place: BrokerPlace, all: readonly BrokerPlace[], directory: string): string {
  const routes = all.map((other) => `nats://127.0.0.1:${String(other.clusterPort)}`).join(', ');
  const cluster =
    all.length === 1
      ? ''
      : `cluster { name: yard, listen: "127.0.0.1:${String(place.clusterPort)}", routes: [${routes}] }\n`;
  return `server_name: ${place.name}
listen: "127.0.0.1:${String(place.port)}"
jetstream { store_dir: ${JSON.stringify(directory)}, sync_interval: always, max_file_store: 2GB, max_memory_store: 64MB }
accounts {
  YARD { jetstream: enabled, users: [{ user: yard, password: yard }] }
  SYS { users: [{ user: ${SYSTEM_USER.user}, password: ${SYSTEM_USER.password} }] }
}
system_account: SYS
no_auth_user: yard
${cluster}`;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) =>
    server.close(() => {
      resolve();
    }),
  );
  return port;
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', end(true));
    socket.once('error', end(false));
    socket.once('timeout', end(false));
  });
}
