import type { AttemptChange, SpecChange, WorkflowChange } from '../fold/read-model-fold.js';
import { Instants, numbers, texts } from './array-literal.js';
import { jsonText } from './json-text.js';
import { upsert, type Upsert } from './upsert.js';

const instants = new Instants();

export const ATTEMPTS: Upsert<AttemptChange> = upsert(
  'yard-attempts',
  'attempt',
  ['task_id', 'fence'],
  [
    { name: 'task_id', type: 'bigint', values: (rows) => numbers(rows, (a) => a.task) },
    { name: 'fence', type: 'bigint', values: (rows) => numbers(rows, (a) => a.fence) },
    { name: 'attempt', type: 'integer', values: (rows) => numbers(rows, (a) => a.attempt) },
    { name: 'tenant', type: 'integer', values: (rows) => numbers(rows, (a) => a.tenant) },
    { name: 'worker', type: 'text', values: (rows) => texts(rows, (a) => a.worker) },
    { name: 'cap', type: 'bigint', values: (rows) => numbers(rows, (a) => a.granted?.capMs ?? null) },
    {
      name: 'started_at',
      type: 'timestamptz',
      values: (rows) => texts(rows, (a) => instants.of(a.granted === null ? null : a.grantedAt)),
    },
    {
      name: 'ended_at',
      type: 'timestamptz',
      values: (rows) => texts(rows, (a) => instants.of(a.ended === null ? null : a.endedAt)),
    },
    { name: 'outcome', type: 'text', values: (rows) => texts(rows, (a) => a.ended?.outcome ?? null) },
    { name: 'exit_code', type: 'integer', values: (rows) => numbers(rows, (a) => a.ended?.exitCode ?? null) },
    {
      name: 'wall_ms',
      type: 'double precision',
      values: (rows) => numbers(rows, (a) => a.ended?.usage?.wallMs ?? null),
    },
    {
      name: 'cpu_ms',
      type: 'double precision',
      values: (rows) => numbers(rows, (a) => a.ended?.usage?.cpuMs ?? null),
    },
    {
      name: 'max_rss_bytes',
      type: 'bigint',
      values: (rows) => numbers(rows, (a) => whole(a.ended?.usage?.maxRssBytes)),
    },
    { name: 'error', type: 'text', values: (rows) => texts(rows, (a) => a.ended?.sealed?.error ?? null) },
  ],
);

export const WORKFLOWS: Upsert<WorkflowChange> = upsert(
  'yard-workflows',
  'workflow',
  ['workflow_id'],
  [
    { name: 'workflow_id', type: 'bigint', values: (rows) => numbers(rows, (w) => w.id) },
    { name: 'tenant', type: 'integer', values: (rows) => numbers(rows, (w) => w.submitted?.tenant ?? null) },
    { name: 'user_id', type: 'integer', values: (rows) => numbers(rows, (w) => w.submitted?.user ?? null) },
    { name: 'name', type: 'text', values: (rows) => texts(rows, (w) => w.submitted?.sealed.name ?? null) },
    {
      name: 'labels',
      type: 'text',
      from: 'u.labels::jsonb',
      values: (rows) => texts(rows, (w) => jsonText(w.submitted?.sealed.labels)),
    },
    {
      name: 'task_count',
      type: 'integer',
      values: (rows) => numbers(rows, (w) => w.submitted?.count ?? null),
    },
    {
      name: 'submitted_at',
      type: 'timestamptz',
      values: (rows) => texts(rows, (w) => instants.of(w.submitted === null ? null : w.submittedAt)),
    },
    { name: 'state', type: 'text', values: (rows) => texts(rows, (w) => w.state) },
    {
      name: 'ended_at',
      type: 'timestamptz',
      values: (rows) => texts(rows, (w) => instants.of(w.state === null ? null : w.endedAt)),
      merge: 'CASE WHEN t.state IS NULL THEN n.ended_at ELSE t.ended_at END',
    },
    {
      name: 'owner_seqs',
      type: 'text',
      from: 'u.owner_seqs::bigint[]',
      values: (rows) => texts(rows, (w) => `{${w.owner.text}}`),
      merge:
        'CASE WHEN n.owner_seqs[1] > t.owner_seqs[cardinality(t.owner_seqs)] THEN t.owner_seqs || n.owner_seqs ELSE t.owner_seqs END',
    },
  ],
);

export const SPECS: Upsert<SpecChange> = upsert(
  'yard-specs',
  'spec',
  ['stream', 'n'],
  [
    { name: 'stream', type: 'text', values: (rows) => texts(rows, (s) => s.stream) },
    { name: 'n', type: 'integer', values: (rows) => numbers(rows, (s) => s.n) },
    { name: 'kind', type: 'text', values: (rows) => texts(rows, (s) => s.spec.kind) },
    { name: 'handler', type: 'text', values: (rows) => texts(rows, (s) => s.spec.handler) },
    { name: 'queue', type: 'text', values: (rows) => texts(rows, (s) => s.spec.queue) },
    { name: 'priority', type: 'integer', values: (rows) => numbers(rows, (s) => s.spec.priority) },
    {
      name: 'total_attempts',
      type: 'integer',
      values: (rows) => numbers(rows, (s) => s.spec.retry.maxAttempts),
    },
    {
      name: 'resource_requirements',
      type: 'text',
      from: 'u.resource_requirements::jsonb',
      values: (rows) => texts(rows, (s) => jsonText(s.spec.resources)),
    },
    { name: 'execution_cap', type: 'bigint', values: (rows) => numbers(rows, (s) => whole(s.spec.capMs)) },
    {
      name: 'delay_tolerance',
      type: 'bigint',
      values: (rows) => numbers(rows, (s) => whole(s.spec.delayToleranceMs)),
    },
    {
      name: 'spec',
      type: 'text',
      from: 'u.spec::jsonb',
      values: (rows) => texts(rows, (s) => jsonText(s.spec)),
    },
  ],
);

/** Column of whole numbers, whatever a worker measured. */
function whole(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(value);
}
