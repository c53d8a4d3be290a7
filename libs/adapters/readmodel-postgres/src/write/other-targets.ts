import type { AttemptChange, SpecChange, WorkflowChange } from '../fold/read-model-fold.js';
import { float8, id, int4, int8, json, numbers, text, time } from './column.js';
import { target, type Target } from './target.js';

export const ATTEMPTS: Target<AttemptChange> = target(
  'attempt',
  'attempt',
  ['task_id', 'fence'],
  [
    id('task_id', ({ task }) => task),
    int8('fence', ({ fence }) => fence),
    int4('attempt', ({ attempt }) => attempt),
    int4('tenant', ({ tenant }) => tenant),
    text('worker', ({ worker }) => worker),
    int8('cap', ({ granted }) => granted?.capMs),
    time('started_at', ({ granted, grantedAt }) => (granted === null ? null : grantedAt)),
    time('ended_at', ({ ended, endedAt }) => (ended === null ? null : endedAt)),
    text('outcome', ({ ended }) => ended?.outcome),
    int4('exit_code', ({ ended }) => ended?.exitCode),
    float8('wall_ms', ({ ended }) => ended?.usage?.wallMs),
    float8('cpu_ms', ({ ended }) => ended?.usage?.cpuMs),
    int8('max_rss_bytes', ({ ended }) => ended?.usage?.maxRssBytes),
    text('error', ({ ended }) => ended?.sealed?.error),
  ],
);

export const WORKFLOWS: Target<WorkflowChange> = target(
  'workflow',
  'workflow',
  ['workflow_id'],
  [
    id('workflow_id', (workflow) => workflow.id),
    int4('tenant', ({ submitted }) => submitted?.tenant),
    int4('user_id', ({ submitted }) => submitted?.user),
    text('name', ({ submitted }) => submitted?.sealed.name),
    json('labels', ({ submitted }) => submitted?.sealed.labels),
    int4('task_count', ({ submitted }) => submitted?.count),
    time('submitted_at', ({ submitted, submittedAt }) => (submitted === null ? null : submittedAt)),
    text('state', ({ state }) => state),
    time(
      'ended_at',
      ({ state, endedAt }) => (state === null ? null : endedAt),
      'CASE WHEN t.state IS NULL THEN n.ended_at ELSE t.ended_at END',
    ),
    numbers(
      'owner_seqs',
      ({ owner }) => owner,
      'CASE WHEN n.owner_seqs[1] > t.owner_seqs[cardinality(t.owner_seqs)] THEN t.owner_seqs || n.owner_seqs ELSE t.owner_seqs END',
    ),
  ],
);

export const SPECS: Target<SpecChange> = target(
  'spec',
  'spec',
  ['stream', 'n'],
  [
    text('stream', ({ stream }) => stream),
    int4('n', ({ n }) => n),
    text('kind', ({ spec }) => spec.kind),
    text('handler', ({ spec }) => spec.handler),
    text('queue', ({ spec }) => spec.queue),
    int4('priority', ({ spec }) => spec.priority),
    int4('total_attempts', ({ spec }) => spec.retry.maxAttempts),
    json('resource_requirements', ({ spec }) => spec.resources),
    int8('execution_cap', ({ spec }) => spec.capMs),
    int8('delay_tolerance', ({ spec }) => spec.delayToleranceMs),
    json('spec', ({ spec }) => spec),
  ],
);
