import path from 'node:path';
import { KeeperClient } from './keeper-client.js';
import { KEEPER_GRACE_MS, type ServerEnded } from './keeper-protocol.js';
import { SLOWEST_RESTART_MS } from './kept-process.js';
import { provideNats } from './nats-binary.js';
import { externalNats, type NatsAccess } from './nats-external.js';
import { NATS, NATS_USER, natsSpec, natsVersionAt } from './nats-server.js';
import { openNatsCluster, requireNatsServers } from './open-nats-cluster.js';
import { openNeo4j, type Neo4jHandle } from './open-neo4j.js';
import { running, type OpeningContext } from './opening.js';
import { providePostgres } from './postgres-binaries.js';
import { POSTGRES, isPostgresReady, postgresSpec, postgresUrl, requirePostgres } from './postgres-server.js';
import { openSecrets, privateDirectory } from './private-files.js';
import type { Progress } from './run-tool.js';
import { unprivileged } from './unprivileged.js';

export interface OpenServersOptions {
  /** The state directory, `YARD_HOME`; made (0700) when missing. */
  readonly home: string;
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Told about slow steps (building, fetching) and about servers that ended and are started again. */
  readonly onProgress?: Progress;
  /** Brokers to run where none is given: one, or three that hold every stream together. Default 1. */
  readonly natsServers?: 1 | 3;
  /** Which of the servers besides the broker are wanted. Default: both. */
  readonly wants?: { readonly postgres?: boolean; readonly neo4j?: boolean };
  /** How long the keeper waits for a yard that left without goodbye, in ms. Default 60,000. */
  readonly graceMs?: number;
  /** Gives up the opening: what was started is stopped, and the promise rejects. Without effect once open. */
  readonly signal?: AbortSignal;
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
      // One line for each of the quick restarts; what goes on failing then says nothing new.
      if (ended.restartInMs < SLOWEST_RESTART_MS) onProgress(describe(ended));
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
    failures: (name) => failures.get(name) ?? 0,
    portOf: (name) => keeper.found.find((server) => server.spec.name === name)?.spec.port,
  };
  const isAdopted = keeper.found.length > 0;
  const giveUp = (): void => stopping.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', giveUp);
  try {
    options.signal?.throwIfAborted();
    const [nats, postgres, neo4j] = await settled([
      openNats(context, options.natsServers ?? 1),
      options.wants?.postgres === false ? null : openPostgres(context),
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
  } finally {
    options.signal?.removeEventListener('abort', giveUp);
  }
}

async function openNats(context: OpeningContext, count: 1 | 3): Promise<NatsAccess> {
  const { env, home, secrets } = context;
  const external = env['YARD_NATS_URL'];
  if (external) return externalNats(external, env);
  requireNatsServers(home, count);
  if (count === 3) return openNatsCluster(context);
  let version = '';
  const isReady = async (port: number): Promise<boolean> =>
    (version = (await natsVersionAt(port)) ?? '') !== '';
  const port = await running(context, NATS, isReady, async () => {
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

async function openPostgres(context: OpeningContext): Promise<{ url: string }> {
  const { env, secrets } = context;
  const external = env['YARD_POSTGRES_URL'];
  if (external) {
    await requirePostgres(external);
    return { url: external };
  }
  const isReady = (port: number): Promise<boolean> => isPostgresReady(port, secrets);
  const port = await running(context, POSTGRES, isReady, async () => {
    const binaries = await providePostgres();
    const runAs = await unprivileged(env, binaries.postgres);
    return (freshPort) => postgresSpec({ ...context, binaries, runAs, port: freshPort });
  });
  return { url: postgresUrl(port, secrets) };
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

function describe({ name, code, signal, restartInMs, reason }: ServerEnded): string {
  if (reason !== null) return `${name} stored nothing any more (${reason}): it is started again`;
  const how = signal ? `on ${signal}` : code === null ? '' : `with code ${code}`;
  return `${name} ended by itself ${how}`.trimEnd() + `: it is started again in ${restartInMs} ms`;
}
