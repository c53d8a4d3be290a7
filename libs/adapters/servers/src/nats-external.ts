import { connect, type NatsConnection } from '@nats-io/transport-node';
import { OLDEST_NATS } from './nats-binary.js';
import { ServerUnavailable } from './server-errors.js';
import { isAtLeast } from './version.js';

/** How to reach the broker and what its acknowledgement is worth. */
export interface NatsAccess {
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  readonly version: string;
  /** True when every acknowledged message is known to be synced to disk. */
  readonly syncAlways: boolean;
  /** For doctor and bench: `always`, or `unverified` where the operator said to go on regardless. */
  readonly durability: 'always' | 'unverified';
}

/**
 * A broker that the operator runs: `YARD_NATS_URL`. Its sync setting is read with the system account's
 * credentials in `YARD_NATS_SYSTEM_URL`; without them the operator has to say `YARD_DURABILITY=unverified`.
 *
 * @throws ServerUnavailable when it is out of reach, too old, or its sync setting is unknown or not `always`
 */
export async function externalNats(address: string, env: NodeJS.ProcessEnv): Promise<NatsAccess> {
  const access = splitAddress(address);
  const version = await withConnection('YARD_NATS_URL', access, async (nats) => nats.info?.version ?? '0');
  if (!isAtLeast(version, OLDEST_NATS)) {
    throw new ServerUnavailable(
      `the broker at YARD_NATS_URL is nats-server ${version}: ${OLDEST_NATS} or newer is needed`,
    );
  }
  const syncAlways = await readsSyncAlways(env);
  if (!syncAlways && env['YARD_DURABILITY'] !== 'unverified') {
    throw new ServerUnavailable(
      'the broker at YARD_NATS_URL is not known to sync every message: set sync_interval: always there and give ' +
        'its system account as YARD_NATS_SYSTEM_URL, or accept possible loss with YARD_DURABILITY=unverified',
    );
  }
  return { ...access, version, syncAlways, durability: syncAlways ? 'always' : 'unverified' };
}

/** nats://user:password@host:port -> its parts; several addresses may be separated by commas. */
export function splitAddress(address: string): { url: string; user?: string; password?: string } {
  let user: string | undefined;
  let password: string | undefined;
  const urls = address.split(',').map((part) => {
    const url = new URL(part.includes('://') ? part.trim() : `nats://${part.trim()}`);
    if (url.username) user ??= decodeURIComponent(url.username);
    if (url.password) password ??= decodeURIComponent(url.password);
    return `${url.protocol}//${url.host}`;
  });
  return {
    url: urls.join(','),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
  };
}

async function readsSyncAlways(env: NodeJS.ProcessEnv): Promise<boolean> {
  const system = env['YARD_NATS_SYSTEM_URL'];
  if (!system) return false;
  return withConnection('YARD_NATS_SYSTEM_URL', splitAddress(system), async (nats) => {
    const reply = await nats.request('$SYS.REQ.SERVER.PING.VARZ', undefined, { timeout: 5_000 });
    const varz = reply.json<{ data?: { jetstream?: { config?: { sync_always?: boolean } } } }>();
    return varz.data?.jetstream?.config?.sync_always === true;
  });
}

async function withConnection<T>(
  variable: string,
  { url, user, password }: { url: string; user?: string; password?: string },
  use: (nats: NatsConnection) => Promise<T>,
): Promise<T> {
  let nats: NatsConnection;
  try {
    nats = await connect({
      servers: url.split(','),
      timeout: 5_000,
      maxReconnectAttempts: 0,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { pass: password }),
    });
  } catch (error) {
    throw new ServerUnavailable(
      `the broker at ${variable} (${url}) does not answer: ${(error as Error).message}`,
    );
  }
  try {
    return await use(nats);
  } finally {
    await nats.close();
  }
}
