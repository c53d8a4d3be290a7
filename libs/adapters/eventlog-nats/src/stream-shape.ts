import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream';
import type { StreamSpec } from '@yardmaster/ports';
import { nanos } from '@nats-io/transport-node';
import { NatsLogError } from './jetstream-errors.js';

/** Only a first shield: the expected sequence is what keeps duplicates out. */
const DUPLICATE_WINDOW_MS = 120_000;

export type Replicas = 1 | 3;

export function streamConfig(
  { name, subject, keep }: StreamSpec,
  maxBytes: number,
  replicas: Replicas,
): Partial<StreamConfig> & { name: string } {
  return {
    name,
    subjects: [subject],
    storage: StorageType.File,
    num_replicas: replicas,
    retention: RetentionPolicy.Limits,
    discard: keep === 'newest' ? DiscardPolicy.Old : DiscardPolicy.New,
    max_bytes: maxBytes,
    max_age: 0,
    max_msgs: -1,
    max_msgs_per_subject: -1,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    deny_delete: true,
    deny_purge: false,
    allow_direct: false,
  };
}

/** Throws when an existing stream could lose, drop or reorder what is written to it. */
export function checkShape(
  found: StreamConfig,
  { subject, keep }: Pick<StreamSpec, 'subject' | 'keep'>,
  replicas: Replicas,
): void {
  const problems = [
    expected('subject', found.subjects.join(', '), subject),
    expected('storage', found.storage, StorageType.File),
    expected('replicas', found.num_replicas, replicas),
    expected('retention', found.retention, RetentionPolicy.Limits),
    // A stream that may forget is as good when it does not.
    keep === 'newest' ? null : expected('discard', found.discard, DiscardPolicy.New),
    expected('max age', found.max_age, 0),
    expected('max messages', found.max_msgs, -1),
    expected('max messages per subject', found.max_msgs_per_subject, -1),
    expected('deny_delete', found.deny_delete, true),
    expected('deny_purge', found.deny_purge, false),
    expected('allow_direct', found.allow_direct, false),
    expected('persist mode', found.persist_mode ?? 'default', 'default'),
    expected('no_ack', (found as { no_ack?: boolean }).no_ack ?? false, false),
    expected('mirror', found.mirror === undefined, true),
  ].filter((problem) => problem !== null);
  if (problems.length === 0) return;
  throw new NatsLogError(
    'log-stream-shape',
    `stream ${found.name} exists with another shape: ${problems.join('; ')}`,
  );
}

function expected(what: string, is: unknown, wanted: unknown): string | null {
  return is === wanted ? null : `${what} is ${String(is)}, not ${String(wanted)}`;
}
