import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Yard, type ClusterResponse } from '@yardmaster/sdk';
import { describeTree, kill, killTree, until } from '../support/processes.ts';
import { WorkerProcess } from '../support/yard-process.ts';
import type { Plan } from './plan.ts';
import { print } from './measure.ts';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** A killed process comes back when its roles are long with another. */
const RESTART_AFTER_S = 15;
const LANES = 8;
const TAKEOVER_PATIENCE_MS = 60_000;
/** One role of each kind. */
const ROLES = [
  'cluster',
  'submitter/0',
  'limits',
  'ids',
  'batcher/main',
  'queue/main',
  'resources/main',
  'monitor',
];

/**
 * `takeover.seconds`: two of every service; the owner of a role is killed with -9 under load; until another is the active owner,
 * as a gateway tells. Of the partitions' owner also until every submission is accepted again.
 */
export async function benchTakeover(plan: Plan): Promise<void> {
  if (!plan.wants('takeover.seconds')) return;
  const cluster = await Cluster.start();
  const worker = new WorkerProcess(cluster, 100);
  const load = new Load(cluster.yard);
  try {
    load.start();
    for (const role of plan.quick ? ['submitter/0', 'queue/main'] : ROLES) {
      const values: number[] = [];
      let longestMs = 0;
      for (let run = 0; run < plan.runs; run++) {
        await cluster.whole();
        load.longestMs = 0;
        values.push(await cluster.killOwnerOf(role));
        longestMs = Math.max(longestMs, load.longestMs);
      }
      print({
        name: 'takeover.seconds',
        unit: 's',
        n: values.length,
        values,
        more: {
          role,
          longestSubmit: Math.round(longestMs) / 1000,
          refused: load.refused,
          done: load.done,
        },
      });
    }
  } finally {
    await load.stop();
    await worker.stop();
    await cluster.stop();
  }
}

/** A cluster of two of each service, as `npm run dev:cluster -- --replicas 2` runs it. */
class Cluster {
  private readonly child: ChildProcess;
  private readonly home: string;
  readonly yard: Yard;
  readonly url: string;
  readonly token: string;

  private constructor(child: ChildProcess, home: string, url: string, token: string) {
    this.child = child;
    this.home = home;
    this.url = url;
    this.token = token;
    this.yard = new Yard({ url, token });
  }

  static async start(): Promise<Cluster> {
    const home = mkdtempSync(path.join(tmpdir(), 'yard-bench-'));
    const main = path.join(ROOT, 'apps/standalone/dist/cluster.main.js');
    const child = spawn(
      process.execPath,
      [main, '--replicas', '2', '--restart-after', String(RESTART_AFTER_S)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          YARD_HOME: home,
          YARD_HTTP_PORT: '0',
          YARD_GRPC_PORT: '0',
          YARD_LOG_LEVEL: 'error',
        },
      },
    );
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const url = await until('the cluster', () => /yard is up {2}(\S+)/.exec(said)?.[1], {
      withinMs: 240_000,
    });
    const token = readFileSync(path.join(home, 'operator.token'), 'utf8').trim();
    return new Cluster(child, home, url, token);
  }

  /** Waits until every service is there twice again, and every role has an owner. */
  async whole(): Promise<void> {
    await until(
      'a whole cluster',
      async () => {
        const view = await this.view();
        return (
          view !== null &&
          view.nodes.filter(({ state }) => state === 'up').length >= 18 &&
          view.roles.every(({ state }) => state === 'active')
        );
      },
      { withinMs: 180_000, everyMs: 500 },
    );
  }

  /** Seconds until another is the active owner. */
  async killOwnerOf(role: string): Promise<number> {
    const view = await this.view();
    const before = view?.roles.find((one) => one.role === role);
    const owner = view?.nodes.find(({ node }) => node === before?.node);
    if (before === undefined || owner === undefined) throw new Error(`nobody has ${role}`);
    const killedAt = performance.now();
    kill(owner.pid, 'SIGKILL');
    await until(
      `another owner of ${role}`,
      async () => {
        const now = (await this.view())?.roles.find((one) => one.role === role);
        return now !== undefined && now.epoch > before.epoch && now.state === 'active';
      },
      { withinMs: TAKEOVER_PATIENCE_MS },
    );
    return (performance.now() - killedAt) / 1_000;
  }

  async stop(): Promise<void> {
    await this.yard.close();
    this.child.kill('SIGINT');
    await until('its end', () => this.child.exitCode !== null, { withinMs: 60_000 }).catch(() => undefined);
    if (describeTree(this.home).length > 0) await killTree(this.home);
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Null while the cluster manager itself is on its way. */
  private async view(): Promise<ClusterResponse | null> {
    return await this.yard.cluster().catch(() => null);
  }
}

/** Tasks one after the other in a few lanes, each when the one before has ended, so that something is always on its way and nothing piles up. */
class Load {
  longestMs = 0;
  refused = 0;
  done = 0;
  #isOver = false;
  #lanes: Promise<void>[] = [];

  private readonly yard: Yard;

  constructor(yard: Yard) {
    this.yard = yard;
  }

  start(): void {
    this.#lanes = Array.from({ length: LANES }, () => this.#lane());
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async #lane(): Promise<void> {
    while (!this.#isOver) {
      const began = performance.now();
      try {
        const task = await this.yard.tasks.submit({ name: 'n', run: { handler: 'noop' } });
        this.longestMs = Math.max(this.longestMs, performance.now() - began);
        await task.result({ timeout: '60s' });
        this.done++;
      } catch {
        this.refused++;
      }
    }
  }
}
