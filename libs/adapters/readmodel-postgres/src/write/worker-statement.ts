import type { WorkerChange } from '../fold/read-model-fold.js';
import { jsonText } from './json-text.js';

/** Workers come and go rarely: one statement each. $13: it joined; $14: whether it is there is said. */
const TEXT = `
INSERT INTO worker AS t (worker, incarnation, kind, name, tenant, capacity, handlers, labels, gateway, joined_at, gone, gone_at, is_cordoned, lease_seq)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8::jsonb, $9, $10, $11, $12, COALESCE($15, false), $16)
ON CONFLICT (worker) DO UPDATE SET
  ${['incarnation', 'kind', 'name', 'tenant', 'capacity', 'handlers', 'labels', 'gateway', 'joined_at'].map((name) => `${name} = CASE WHEN $13 THEN EXCLUDED.${name} ELSE t.${name} END`).join(', ')},
  gone = CASE WHEN $14 THEN EXCLUDED.gone ELSE t.gone END,
  gone_at = CASE WHEN $14 THEN EXCLUDED.gone_at ELSE t.gone_at END,
  is_cordoned = COALESCE($15, t.is_cordoned),
  lease_seq = EXCLUDED.lease_seq
WHERE t.lease_seq < EXCLUDED.lease_seq`;

export function workerStatement(worker: WorkerChange): { name: string; text: string; values: unknown[] } {
  const { id, joined, joinedAt, gone, goneAt, isCordoned, saysGone, seq } = worker;
  return {
    name: 'yard-worker',
    text: TEXT,
    values: [
      id,
      joined?.incarnation ?? null,
      joined?.kind ?? null,
      joined?.name ?? null,
      joined?.tenant ?? null,
      jsonText(joined?.capacity),
      jsonText(joined?.handlers),
      jsonText(joined?.labels),
      joined?.gateway ?? null,
      joined === null ? null : isoTime(joinedAt),
      gone,
      gone === null ? null : isoTime(goneAt),
      joined !== null,
      saysGone,
      isCordoned,
      seq,
    ],
  };
}

const LATEST_MS = 8.64e15;

function isoTime(ms: number): string {
  return new Date(Math.min(LATEST_MS, Math.max(0, Math.trunc(ms) || 0))).toISOString().replace(/^\+0*/, '');
}
