import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeeperClient } from './keeper-client.js';
import type { ServerSpec } from './keeper-protocol.js';
import type { ProvisionContext } from './nats-binary.js';
import type { Secrets } from './private-files.js';
import { ServerUnavailable } from './server-errors.js';
import { freePort } from './tcp.js';

/** What the opening of one server needs. */
export interface OpeningContext extends ProvisionContext {
  readonly home: string;
  readonly keeper: KeeperClient;
  readonly secrets: Secrets;
  readonly isThrowaway: boolean;
  /** How often a server has ended by itself since the opening. */
  failures(name: string): number;
  /** The port of a server that the keeper runs already. */
  portOf(name: string): number | undefined;
}

const READY_PATIENCE_MS = 60_000;
/** A new server that ends this often before it is ready will not come up. */
export const FAILURES_ALLOWED = 4;

/** Uses the server that the keeper runs already, or has it run one; returns its port when it is ready. */
export async function running(
  context: OpeningContext,
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
    const before = context.failures(name);
    const spec = await specAt(await freePort());
    await keeper.run(spec);
    if (await isReadyInTime(spec.port, isReady, () => context.failures(name) - before, signal))
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
