import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findNeo4jTools, provideNeo4jJars, type Neo4jTools } from './neo4j-jars.js';
import { NEO4J, NEO4J_USER, neo4jSpec, tryNeo4j, type Neo4jAccess } from './neo4j-server.js';
import { FAILURES_ALLOWED, type OpeningContext } from './opening.js';
import { ServerUnavailable } from './server-errors.js';
import { holdFreePort, type HeldPort } from './tcp.js';

/** A graph database that is there or on its way. */
export interface Neo4jHandle extends Neo4jAccess {
  /** Resolves when it answers; rejects (ServerUnavailable) when it cannot be fetched or does not come up. */
  readonly ready: Promise<void>;
}

const READY_PATIENCE_MS = 120_000;
const TRY_EVERY_MS = 150;

/** Returns at once with its address; fetching, starting and waiting go on behind `ready`. */
export async function openNeo4j(context: OpeningContext): Promise<Neo4jHandle | { readonly absent: string }> {
  const { env, secrets } = context;
  const external = env['YARD_NEO4J_URL'];
  if (external)
    return handle(externalAccess(external, env), (access) => untilReady(access, context, external));
  const found = context.portOf(NEO4J);
  if (found !== undefined)
    return handle(accessAt(found, secrets.neo4j), (access) => untilReady(access, context));
  const tools = await findNeo4jTools(env);
  if (typeof tools === 'string') return { absent: tools };
  const held = await holdFreePort();
  return handle(accessAt(held.port, secrets.neo4j), async (access) => {
    await start(context, tools, held);
    await untilReady(access, context);
  });
}

async function start(context: OpeningContext, tools: Neo4jTools, held: HeldPort): Promise<void> {
  const { home, env, secrets, keeper, signal } = context;
  try {
    await provideNeo4jJars(tools, context);
    signal.throwIfAborted();
  } finally {
    await held.release();
  }
  await keeper.run(await neo4jSpec(home, tools, secrets, held.port, env));
}

async function untilReady(access: Neo4jAccess, context: OpeningContext, external?: string): Promise<void> {
  const { home, signal, keeper } = context;
  const until = performance.now() + READY_PATIENCE_MS;
  const before = context.failures(NEO4J);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await tryNeo4j(access);
    } catch (error) {
      const isHopeless = isRefusal(error) || context.failures(NEO4J) - before >= FAILURES_ALLOWED;
      if (performance.now() < until && !isHopeless) {
        await sleep(TRY_EVERY_MS);
        continue;
      }
      if (!external) await keeper.stop(NEO4J);
      const log = path.join(home, 'logs', 'neo4j.log');
      const which = external
        ? `at YARD_NEO4J_URL (${access.url}) does not answer`
        : `does not start (see ${log})`;
      throw new ServerUnavailable(`Neo4j ${which}: ${(error as Error).message}`);
    }
  }
}

/** A wrong password does not become right by waiting. */
function isRefusal(error: unknown): boolean {
  return (error as { code?: string }).code === 'Neo.ClientError.Security.Unauthorized';
}

function handle(access: Neo4jAccess, work: (access: Neo4jAccess) => Promise<void>): Neo4jHandle {
  const ready = work(access);
  // Whoever waits for it hears of the failure; nobody has to.
  ready.catch(() => {});
  return { ...access, ready };
}

function accessAt(port: number, password: string): Neo4jAccess {
  return { url: `bolt://127.0.0.1:${port}`, user: NEO4J_USER, password };
}

function externalAccess(address: string, env: NodeJS.ProcessEnv): Neo4jAccess {
  const url = new URL(address);
  return {
    url: `${url.protocol}//${url.host}`,
    user: decodeURIComponent(url.username) || (env['YARD_NEO4J_USER'] ?? NEO4J_USER),
    password: decodeURIComponent(url.password) || (env['YARD_NEO4J_PASSWORD'] ?? ''),
  };
}
