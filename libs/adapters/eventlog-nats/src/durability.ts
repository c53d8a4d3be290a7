import { createInbox, type NatsConnection } from '@nats-io/transport-node';
import { NatsLogError } from './jetstream-errors.js';
import { connectNats, type NatsOptions } from './nats-connection.js';

const MIN_VERSION = [2, 14] as const;
const VARZ_WAIT_MS = 1_000;

export interface DurabilityOptions extends NatsOptions {
  /** Known by whoever wrote the broker's configuration; undefined = ask the broker. */
  readonly syncAlways?: boolean | undefined;
  /** A user of the broker's system account, which may be asked for the configuration. */
  readonly system?: { readonly user: string; readonly password: string } | undefined;
  /** Open although nobody knows whether the broker syncs; `YARD_DURABILITY=unverified` in the environment. */
  readonly allowUnverified?: boolean | undefined;
}

/** Throws when the broker is older than what the log was tested with. */
export function checkVersion(nc: NatsConnection): string {
  const version = nc.info?.version ?? '0.0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor, minMinor] = MIN_VERSION;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return version;
  throw new NatsLogError('log-broker-too-old', `nats-server ${version} is too old: 2.14 or later is needed`);
}

/** `always`, or `unverified` where that was allowed; throws otherwise. */
export async function resolveSync(options: DurabilityOptions): Promise<'always' | 'unverified'> {
  const isAlways = options.syncAlways ?? (await askBroker(options));
  if (isAlways === true) return 'always';
  if (options.allowUnverified ?? process.env['YARD_DURABILITY'] === 'unverified') return 'unverified';
  const state = isAlways === false ? 'does not sync each write' : 'does not say whether it syncs each write';
  throw new NatsLogError(
    'log-not-durable',
    `the NATS server ${state}: set "sync_interval: always" in its jetstream configuration and let the yard ask a ` +
      'system account, or accept the risk with YARD_DURABILITY=unverified',
  );
}

/** null when nobody answers. All servers of a cluster must agree. */
async function askBroker(options: DurabilityOptions): Promise<boolean | null> {
  if (options.system === undefined) return null;
  const nc = await connectNats({ ...options, ...options.system, name: `${options.name} (durability)` });
  try {
    interface Varz {
      readonly data?: { readonly jetstream?: { readonly config?: { readonly sync_always?: boolean } } };
    }
    const answers: boolean[] = [];
    const inbox = createInbox();
    nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null || message.data.byteLength === 0) return;
        const config = message.json<Varz>().data?.jetstream?.config;
        if (config !== undefined) answers.push(config.sync_always === true);
      },
    });
    nc.publish('$SYS.REQ.SERVER.PING.VARZ', '', { reply: inbox });
    const alone = nc.info?.cluster === undefined;
    const until = performance.now() + VARZ_WAIT_MS;
    while (performance.now() < until && !(alone && answers.length > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return answers.length === 0 ? null : answers.every((always) => always);
  } finally {
    await nc.close();
  }
}
