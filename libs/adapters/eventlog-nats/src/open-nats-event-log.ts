import { checkVersion, resolveSync, type DurabilityOptions } from './durability.js';
import { connectNats } from './nats-connection.js';
import { NatsEventLog } from './nats-event-log.js';
import type { Replicas } from './stream-shape.js';

export interface NatsEventLogOptions extends DurabilityOptions {
  /** 1 on one machine, 3 in a cluster. */
  readonly replicas: Replicas;
  /** From append to `unresolved`; 10 s unless given. An election takes 7 s. */
  readonly deadlineMs?: number;
  /** Silence after which a publish is repeated; 2 s unless given. */
  readonly answerTimeoutMs?: number;
  /** Size of the broker's file store, where whoever configured it knows; streams without a size share it. */
  readonly storeBytes?: number;
}

/** Connects, and refuses a broker that is too old or may lose what it acknowledged. */
export async function openNatsEventLog(options: NatsEventLogOptions): Promise<NatsEventLog> {
  const writes = await connectNats({ ...options, name: `${options.name} log` });
  try {
    const server = checkVersion(writes);
    const sync = await resolveSync(options);
    const reads = await connectNats({ ...options, name: `${options.name} log reads` });
    return new NatsEventLog(writes, reads, {
      durability: { sync, replicas: options.replicas, server: `nats-server ${server}` },
      replicas: options.replicas,
      deadlineMs: options.deadlineMs ?? 10_000,
      answerTimeoutMs: options.answerTimeoutMs ?? 2_000,
      storeBytes: options.storeBytes ?? null,
    });
  } catch (error) {
    await writes.close();
    throw error;
  }
}
