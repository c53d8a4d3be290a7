import { CHAIN_START } from '@yardmaster/contracts';
import type { LogRecord } from './log-record.js';

/** I13: sequences without a gap, each envelope on the hash of the one before, epochs that never go back, and causes of one
 * writer that never do. A message of somebody else has no writer (epoch 0) and is a link like any other. */
export function faultsOfChain(log: LogRecord): string[] {
  const faults: string[] = [];
  for (const stream of log.streams) {
    let prev: string | null = null;
    let seq: number | null = null;
    let epoch = 0;
    let reach = new Map<string, number>();
    for (const envelope of log.disk(stream)) {
      const at = `${stream} ${String(envelope.seq)}`;
      if (seq !== null && envelope.seq !== seq + 1) faults.push(`I13 ${at} follows on ${String(seq)}`);
      if (envelope.epoch !== 0) {
        const wanted: string | null = prev ?? (envelope.seq === 1 ? CHAIN_START : null);
        if (wanted !== null && envelope.prev !== wanted)
          faults.push(`I13 ${at} does not follow on what lies before it`);
        if (envelope.epoch < epoch)
          faults.push(`I13 ${at} is of epoch ${String(envelope.epoch)}, after ${String(epoch)}`);
        if (envelope.epoch > epoch) {
          reach = new Map();
          if (envelope.events[0]?.type !== 'OwnerTookOver')
            faults.push(`I13 ${at} begins epoch ${String(envelope.epoch)} without a takeover`);
        }
        epoch = Math.max(epoch, envelope.epoch);
        for (const [followed, position] of envelope.causes) {
          if (position < (reach.get(followed) ?? 0))
            faults.push(`I13 ${at} knows less of ${followed} than before`);
          reach.set(followed, position);
        }
      }
      prev = envelope.hash;
      seq = envelope.seq;
    }
  }
  return faults;
}
