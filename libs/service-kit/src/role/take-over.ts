import { createHash, randomBytes } from 'node:crypto';
import { CHAIN_START, encodeEnvelope, hashOf, type Envelope } from '@yardmaster/contracts';
import type { AppendOutcome, EventLog, LogWriter, TenantKeystore } from '@yardmaster/ports';
import type { Hosted } from './hosted.js';

/** Policies have no settings yet; the hash names the rules of this version. */
export const CONFIG_HASH = createHash('sha256').update('yardmaster policies 1').digest('hex').slice(0, 8);

export type Takeover =
  | { readonly kind: 'taken'; readonly marker: Envelope; readonly writer: LogWriter }
  | { readonly kind: 'failed'; readonly outcome: Exclude<AppendOutcome, { kind: 'stored' }> };

/**
 * Writes the marker that makes a restored role the owner of its stream, under the expected sequence. From then on nothing of an
 * owner before is stored. Nobody is told of the marker before it is on disk: a refused takeover concerns this role alone.
 */
export async function takeOver(
  { role, runner, assigned }: Hosted,
  head: number,
  {
    node,
    log,
    keystore,
    at,
    level,
  }: { node: string; log: EventLog; keystore: TenantKeystore; at: number; level: number },
): Promise<Takeover> {
  const stream = role.stream ?? '';
  const epoch = Math.max(assigned ?? 0, runner.epoch + 1);
  const draft = {
    stream,
    node,
    epoch,
    commit: randomBytes(6).toString('hex'),
    at,
    seed: randomBytes(4).readUInt32BE(),
    config: CONFIG_HASH,
    // Nothing is decided in it: what the role has applied by now is named by its first decision. So a takeover that is given up
    // leaves no trace of how far its followers had come.
    causes: [],
    group: null,
    prev: runner.hashAt(stream) ?? CHAIN_START,
    events: [{ type: 'OwnerTookOver', role: role.name, epoch, node } as const],
  };
  const bytes = encodeEnvelope(draft, (tenant) => keystore.keyOf(tenant), level);
  const writer = log.writer(stream, head);
  const seq = writer.next;
  const outcome = await writer.append(`${stream}/${draft.commit}`, bytes);
  if (outcome.kind !== 'stored') return { kind: 'failed', outcome };
  return { kind: 'taken', marker: { ...draft, seq, hash: hashOf(bytes) }, writer };
}
