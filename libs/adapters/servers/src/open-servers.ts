import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeeperClient } from './keeper-client.js';
import { KEEPER_GRACE_MS, type ServerEnded, type ServerSpec } from './keeper-protocol.js';
import { provideNats, type ProvisionContext } from './nats-binary.js';
import { externalNats, type NatsAccess } from './nats-external.js';
import { NATS, NATS_USER, natsSpec, natsVersionAt } from './nats-server.js';
import { openNeo4j, type Neo4jHandle } from './open-neo4j.js';
import { providePostgres } from './postgres-binaries.js';
import { POSTGRES, isPostgresReady, postgresSpec, postgresUrl, requirePostgres } from './postgres-server.js';
import { openSecrets, privateDirectory, type Secrets } from './private-files.js';
import type { Progress } from './run-tool.js';
import { ServerUnavailable } from './server-errors.js';
import { freePort } from './tcp.js';
import { unprivileged } from './unprivileged.js';

export interface OpenServersOptions {
  /** The state directory, `YARD_HOME`; made (0700) when missing. */
  readonly home: string;
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Told about slow steps (building, fetching) and about servers that ended and are started again. */
  readonly onProgress?: Progress;
  /** Which of the servers besides the broker are wanted. Default: both. */
  readonly wants?: { readonly postgres?: boolean; readonly neo4j?: boolean };
  /** How long the keeper waits for a yard that left without goodbye, in ms. Default 60,000. */
  readonly graceMs?: number;
  /** For tests: the database does not survive a power cut. The broker always syncs. Default false. */
  readonly isThrowaway?: boolean;
}

/** The backing servers of one yard. */
export interface Servers {
  readonly nats: NatsAccess;
  /** Null when not wanted. */
  readonly postgres: { readonly url: string } | null;
  /** Comes up later than the rest (`ready`), or is absent for the reason given, in one line. */
  readonly neo4j: Neo4jHandle | { readonly absent: string };
  readonly keeper: {
    /** Process id of the keeper; another one after a keeper was killed. */
    readonly pid: number;
    /** True when servers of an earlier yard were still running and are used again. */
    readonly adopted: boolean;
  };
  /** Says goodbye: returns when all servers have stopped and the keeper has ended. */
  close(): Promise<void>;
  /** Leaves without goodbye: the keeper holds the servers for another yard for the grace time. */
  release(): void;
}

/** What the opening of one server needs. */
export interface OpeningContext extends ProvisionContext {
  readonly home: string;
  readonly keeper: KeeperClient;
  readonly secrets: Secrets;
  readonly isThrowaway: boolean;
  /** The port of a server that the keeper runs already. */
  portOf(name: string): number | undefined;
}

const READY_PATIENCE_MS = 60_000;
/** A new server that ends this often before it is ready will not come up. */
const FAILURES_ALLOWED = 4;

/**
 * Opens the broker, Postgres and Neo4j of a state directory: those given by `YARD_NATS_URL`,
 * `YARD_POSTGRES_URL` and `YARD_NEO4J_URL` are used from there, the others are provisioned and run by the
 * keeper. Returns when the broker and Postgres answer; Neo4j comes later.
 *
 * @throws YardAlreadyRunning when another yard uses the state directory
 * @throws ServerUnavailable when a server cannot be had, with what to do about it
 */
export async function openServers(options: OpenServersOptions): Promise<Servers> {
  const env = options.env ?? process.env;
  const home = privateDirectory(path.resolve(options.home));
  const onProgress = options.onProgress ?? ((): void => {});
  const stopping = new AbortController();
  const failures = new Map<string, number>();
  const keeper = await KeeperClient.connect({
    home,
    env,
    graceMs: options.graceMs ?? KEEPER_GRACE_MS,
    onEnded: (ended) => {
      failures.set(ended.name, (failures.get(ended.name) ?? 0) + 1);
      onProgress(describe(ended));
    },
  });
  const context: OpeningContext = {
    home,
    env,
    onProgress,
    keeper,
    secrets: openSecrets(home),
    signal: stopping.signal,
    isThrowaway: options.isThrowaway ?? false,
    portOf: (name) => keeper.found.find((server) => server.spec.name === name)?.spec.port,
  };
  const isAdopted = keeper.found.length > 0;
  try {
    const [nats, postgres, neo4j] = await settled([
      openNats(context, failures),
      options.wants?.postgres === false ? null : openPostgres(context, failures),
      options.wants?.neo4j === false ? { absent: 'not wanted' } : openNeo4j(context),
    ]);
    return {
      nats,
      postgres,
      neo4j,
      keeper: {
        get pid() {
          return keeper.keeperPid;
        },
        adopted: isAdopted,
      },
      close: async () => {
        stopping.abort();
        await keeper.goodbye();
      },
      release: () => {
        stopping.abort();
        keeper.release();
      },
    };
  } catch (error) {
    stopping.abort();
    await keeper.goodbye();
    throw error;
  }
}

async function openNats(context: OpeningContext, failures: Map<string, number>): Promise<NatsAccess> {
  const { env, home, secrets } = context;
  const external = env['YARD_NATS_URL'];
  if (external) return externalNats(external, env);
  let version = '';
  const isReady = async (port: number): Promise<boolean> =>
    (version = (await natsVersionAt(port)) ?? '') !== '';
  const port = await running(context, failures, NATS, isReady, async () => {
    const binary = await provideNats(context);
    return (freshPort) => natsSpec(home, binary, secrets, freshPort, env);
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    user: NATS_USER,
    password: secrets.nats,
    version,
    syncAlways: true,
    durability: 'always',
  };
}

async function openPostgres(
  context: OpeningContext,
  failures: Map<string, number>,
): Promise<{ url: string }> {
  const { env, secrets } = context;
  const external = env['YARD_POSTGRES_URL'];
  if (external) {
    await requirePostgres(external);
    return { url: external };
  }
  const isReady = (port: number): Promise<boolean> => isPostgresReady(port, secrets);
  const port = await running(context, failures, POSTGRES, isReady, async () => {
    const binaries = await providePostgres();
    const runAs = await unprivileged(env, binaries.postgres);
    return (freshPort) => postgresSpec({ ...context, binaries, runAs, port: freshPort });
  });
  return { url: postgresUrl(port, secrets) };
}

/** Uses the server that the keeper runs already, or has it run one; returns its port when it is ready. */
async function running(
  context: OpeningContext,
  failures: ReadonlyMap<string, number>,
  name: string,
  isReady: (port: number) => Promise<boolean>,
  provide: () => Promise<(port: number) => Promise<ServerSpec>>,
): Promise<number> {
  const { keeper, signal, home } = context;
  const found = context.portOf(name);
  if (found !== undefined && (await isReadyInTime(found, isReady, () => 0, signal))) return found;
  if (found !== undefined) await keeper.stop(name);
  const specAt = await provide();
  // The port was free a moment ago; should somebody else have taken it, another one is tried.
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = failures.get(name) ?? 0;
    const spec = await specAt(await freePort());
    await keeper.run(spec);
    if (await isReadyInTime(spec.port, isReady, () => (failures.get(name) ?? 0) - before, signal))
      return spec.port;
    await keeper.stop(name);
  }
  throw new ServerUnavailable(`${name} does not start: see ${path.join(home, 'logs', `${name}.log`)}`);
}

async function isReadyInTime(
  port: number,
  isReady: (port: number) => Promise<boolean>,
  failuresNow: () => number,
  signal: AbortSignal,
): Promise<boolean> {
  const until = performance.now() + READY_PATIENCE_MS;
  while (performance.now() < until && failuresNow() < FAILURES_ALLOWED) {
    signal.throwIfAborted();
    if (await isReady(port)) return true;
    await sleep(15);
  }
  return false;
}

/** Waits for all, so that nothing is started behind the back of a caller that was told of a failure. */
async function settled<T extends readonly unknown[]>(
  values: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(values);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }) as { [K in keyof T]: Awaited<T[K]> };
}

function describe({ name, code, signal, restartInMs }: ServerEnded): string {
  const how = signal ? `on ${signal}` : code === null ? '' : `with code ${code}`;
  return `${name} ended by itself ${how}`.trimEnd() + `: it is started again in ${restartInMs} ms`;
}
