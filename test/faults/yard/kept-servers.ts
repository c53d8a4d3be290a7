import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isAlive, kill } from '../../support/processes.js';
import { standStill } from '../tools/stand-still.js';
import { until } from '../tools/until.js';

interface Kept {
  readonly pid: number;
  readonly spec: { readonly name: string; readonly port: number };
}

/** The backing servers of a state directory, as their keeper wrote them down. */
export class KeptServers {
  readonly #file: string;
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
    this.#file = path.join(home, 'run', 'keeper.json');
  }

  get keeperPid(): number {
    return this.#read().pid;
  }

  names(): string[] {
    return this.#read().servers.map(({ spec }) => spec.name);
  }

  /** Names of the nats-servers. */
  brokers(): string[] {
    return this.names()
      .filter((name) => name.startsWith('nats'))
      .sort();
  }

  pid(name: string): number {
    return this.#of(name)?.pid ?? 0;
  }

  port(name: string): number {
    return this.#of(name)?.spec.port ?? 0;
  }

  secret(name: 'nats' | 'natsSystem' | 'postgres' | 'neo4j'): string {
    const file = path.join(this.#home, 'servers.secret.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)[name] ?? '';
  }

  natsUrl(): string {
    return this.brokers()
      .map((name) => `nats://127.0.0.1:${String(this.port(name))}`)
      .join(',');
  }

  postgresUrl(): string {
    return `postgres://yard:${this.secret('postgres')}@127.0.0.1:${String(this.port('postgres'))}/yard`;
  }

  /** Kills servers at one moment. Their keeper starts them again; `down`: only once `up` is called. */
  async kill(names: readonly string[], { down = false } = {}): Promise<{ up: () => void }> {
    const keeper = this.keeperPid;
    // One that is down at the moment has none.
    const pids = names.map((name) => this.pid(name)).filter((pid) => pid > 0);
    const up = down ? standStill([keeper]) : () => undefined;
    for (const pid of pids) kill(pid, 'SIGKILL');
    await until(`the end of ${names.join()}`, () => pids.every((pid) => !isAlive(pid)), { everyMs: 5 });
    return { up };
  }

  #of(name: string): Kept | undefined {
    return this.#read().servers.find(({ spec }) => spec.name === name);
  }

  #read(): { readonly pid: number; readonly servers: readonly Kept[] } {
    return JSON.parse(readFileSync(this.#file, 'utf8')) as { pid: number; servers: Kept[] };
  }
}
