import path from 'node:path';
import { DiskAttemptLogStore, DiskBlobStore } from '@yardmaster/blob-disk';
import { allStreams, commands, eventSubject, streams } from '@yardmaster/contracts';
import { connectNats, NatsSeat, openNatsEventLog } from '@yardmaster/eventlog-nats';
import type { Clock } from '@yardmaster/kernel';
import { FileTenantKeystore } from '@yardmaster/keystore-file';
import type { EventLog, Seat, SeatHolder, StreamSpec, TenantKeystore } from '@yardmaster/ports';
import {
  type ArchiveSource,
  ClusterLevel,
  CommittedHub,
  createLogger,
  DEAD_LETTER_STREAM_BYTES,
  DeadLetters,
  Metrics,
  NatsBus,
  withArchive,
  type YardConfig,
  type YardRuntime,
} from '@yardmaster/service-kit';
import { checkState } from './check-state.js';
import { openArchiveStores } from './open-archive.js';

/** Where the broker is and what is known of it. */
export interface BrokerAccess {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** True when whoever configured the broker set `sync_interval: always`. */
  readonly syncAlways: boolean;
  /** Copies of every stream: 3 where the broker is a cluster. Default 1. */
  readonly replicas?: 1 | 3;
}

/** A YardRuntime with what only the role host and the start need. */
export interface OpenRuntime extends YardRuntime {
  readonly log: EventLog;
  readonly keystore: TenantKeystore;
  readonly hub: CommittedHub;
  readonly archive: ArchiveSource;
  /** The cluster manager's seat. */
  openSeat(holder: SeatHolder): Promise<Seat>;
  /** Drains and closes every connection. */
  close(): Promise<void>;
}

const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Opens the log, the command bus and the stores of a process; makes the streams when they are missing. */
export async function openRuntime(config: YardConfig, broker: BrokerAccess): Promise<OpenRuntime> {
  const logger = createLogger(config.service, config.node, config.logLevel);
  const metrics = new Metrics(config.service);
  const access = {
    url: broker.url,
    name: config.node,
    ...(broker.user === undefined ? {} : { user: broker.user }),
    ...(broker.password === undefined ? {} : { password: broker.password }),
  };
  const replicas = broker.replicas ?? 1;
  const stored = await openNatsEventLog({ ...access, replicas, syncAlways: broker.syncAlways });
  const { archive, snapshots } = await openArchiveStores(config.archive);
  const log = withArchive(stored, archive);
  await log.ensure(allStreams(config.partitions).map(streamSpec));
  try {
    await checkState(config, stored, archive, allStreams(config.partitions));
  } catch (error) {
    await stored.close();
    throw error;
  }
  const nc = await connectNats({ ...access, name: `${config.node} commands` });
  const deadLetters = new DeadLetters({
    log,
    node: config.node,
    clock: systemClock,
    count: (where) => {
      metrics.count('yard_bad_messages_total', 1, { where });
    },
    kept: ({ where, subject, reason }) => {
      logger.warn({ where, subject, reason }, 'a message cannot be read: it is set aside');
    },
    failed: (error) => {
      logger.warn({ err: error }, 'a dead letter could not be written');
    },
  });
  const bus = new NatsBus(nc, {
    refused: (subject, reason, data) => {
      deadLetters.add({ where: 'command', subject, reason, data });
    },
  });
  // Whoever hears that this process lives may ask how it does.
  const metricsDesk = bus.serve(commands.metrics(config.node), async () => ({
    ok: true,
    value: await metrics.values(),
  }));
  const keystore = new FileTenantKeystore(path.join(config.home, 'keys'));
  const hub = new CommittedHub(
    log,
    keystore,
    (stream, error) => {
      logger.error({ stream, err: error }, 'following a stream failed');
    },
    (stream, seq) => {
      // Its bytes stay where they are.
      deadLetters.add({
        where: 'log',
        subject: `${stream} #${String(seq)}`,
        reason: 'a message in the log is no envelope: it is passed over',
        data: new Uint8Array(0),
        id: `${stream}-${String(seq)}`,
      });
    },
  );
  const logs = new DiskAttemptLogStore(path.join(config.home, 'logs'));
  return {
    config,
    bus,
    committed: hub,
    blobs: new DiskBlobStore(path.join(config.home, 'blobs')),
    attemptLogs: logs,
    clock: systemClock,
    level: new ClusterLevel(config.featureLevel),
    logger,
    metrics,
    deadLetters,
    log,
    keystore,
    hub,
    archive: { log: stored, archive, snapshots, keystore },
    openSeat: (holder) => NatsSeat.open(nc, replicas, holder),
    close: async () => {
      hub.stop();
      metricsDesk.stop();
      bus.close();
      await nc.drain();
      await log.close();
    },
  };
}

/** Facts are kept whole; of what could not be read the newest. */
function streamSpec(name: string): StreamSpec {
  const subject = eventSubject(name);
  return name === streams.deadLetters
    ? { name, subject, maxBytes: DEAD_LETTER_STREAM_BYTES, keep: 'newest' }
    : { name, subject, maxBytes: null };
}
