import path from 'node:path';
import { DiskAttemptLogStore, DiskBlobStore } from '@yardmaster/blob-disk';
import { allStreams, eventSubject } from '@yardmaster/contracts';
import { connectNats, openNatsEventLog } from '@yardmaster/eventlog-nats';
import type { Clock } from '@yardmaster/kernel';
import { FileTenantKeystore } from '@yardmaster/keystore-file';
import type { EventLog, TenantKeystore } from '@yardmaster/ports';
import {
  CommittedHub,
  createLogger,
  Metrics,
  NatsBus,
  type YardConfig,
  type YardRuntime,
} from '@yardmaster/service-kit';

/** Where the broker is and what is known of it. */
export interface BrokerAccess {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** True when whoever configured the broker set `sync_interval: always`. */
  readonly syncAlways: boolean;
}

/** A YardRuntime with what only the role host and the start need. */
export interface OpenRuntime extends YardRuntime {
  readonly log: EventLog;
  readonly keystore: TenantKeystore;
  readonly hub: CommittedHub;
  /** Drains and closes every connection. */
  close(): Promise<void>;
}

const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Opens the log, the command bus and the stores of a process; makes the streams when they are missing. */
export async function openRuntime(config: YardConfig, broker: BrokerAccess): Promise<OpenRuntime> {
  const logger = createLogger(config.service, config.node, config.logLevel);
  const metrics = new Metrics();
  const access = {
    url: broker.url,
    name: config.node,
    ...(broker.user === undefined ? {} : { user: broker.user }),
    ...(broker.password === undefined ? {} : { password: broker.password }),
  };
  const log = await openNatsEventLog({ ...access, replicas: 1, syncAlways: broker.syncAlways });
  const names = allStreams(config.partitions);
  await log.ensure(names.map((name) => ({ name, subject: eventSubject(name), maxBytes: null })));
  const nc = await connectNats({ ...access, name: `${config.node} commands` });
  const bus = new NatsBus(nc, {
    refused: (subject, reason) => {
      metrics.count('yard_bad_messages_total', 1, { where: 'command' });
      logger.warn({ subject, reason }, 'a message was refused');
    },
  });
  const keystore = new FileTenantKeystore(path.join(config.home, 'keys'));
  const hub = new CommittedHub(
    log,
    keystore,
    (stream, error) => {
      logger.error({ stream, err: error }, 'following a stream failed');
    },
    (stream, seq) => {
      metrics.count('yard_bad_messages_total', 1, { where: 'log' });
      logger.warn({ stream, seq }, 'a message in the log is no envelope: it is passed over');
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
    logger,
    metrics,
    log,
    keystore,
    hub,
    close: async () => {
      hub.stop();
      bus.close();
      await nc.drain();
      await log.close();
    },
  };
}
