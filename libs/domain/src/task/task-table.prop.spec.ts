import { asTaskId, asWorkerId, type TaskId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SchedulingSpec, TaskContent } from '../events/index.js';
import { defaultRetry } from '../spec/index.js';
import { NO_ATTEMPTS, NO_TASKS, type TaskRecord } from './task-record.js';
import { TaskTable, YOUNG_MS } from './task-table.js';

const T = 1_790_000_000_000;
const specs = [1, 2].map((priority): SchedulingSpec => ({
  kind: 'handler',
  handler: 'h',
  resources: { slots: 1 },
  queue: 'default',
  classRank: 2,
  priority,
  strategy: null,
  delayToleranceMs: null,
  capMs: 60_000,
  retry: defaultRetry(),
  idempotent: false,
  require: {},
}));
const contents = ['a', 'b'].map((name): TaskContent => ({
  name,
  key: null,
  labels: null,
  run: { script: null, scriptHash: null, command: null, args: null, env: null, input: { name } },
}));
const owner = { node: 'n', epoch: 1 };
const idOf = (n: number): TaskId => asTaskId(String(400_000_000_000_000_000n + BigInt(n) * 5n));

const record = (n: number, kind: number, at: number): TaskRecord => ({
  id: idOf(n),
  tenant: 1 + (kind & 1),
  user: 7,
  spec: specs[(kind >> 1) & 1]!,
  content: contents[(kind >> 2) & 1]!,
  workflow: null,
  index: -1,
  rank: kind & 1,
  parents: NO_TASKS,
  dueAt: (kind & 8) === 0 ? null : at + 1_000,
  submittedAt: at,
  admittedBy: owner,
  children: NO_TASKS,
  open: 0,
  state: (kind & 8) === 0 ? 'ready' : 'scheduled',
  cancelRequested: false,
  attempts: NO_ATTEMPTS,
  endedAt: null,
  result: null,
  error: null,
  category: null,
});

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), kind: fc.nat(15) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('begin' as const), nth: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('parent' as const), nth: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), nth: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('forget-newest' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pack' as const), ms: fc.nat(12_000) }) },
);

describe('a table of tasks', () => {
  it('keeps what a map keeps, whatever it packs', () => {
    let packed = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) => {
        const table = new TaskTable();
        const plain = new Map<TaskId, TaskRecord>();
        let [now, ids] = [T, 0];
        const change = (n: number, how: (task: TaskRecord) => void): void => {
          const id = [...plain.keys()][n % Math.max(1, plain.size)];
          if (id === undefined) return;
          for (const task of [table.get(id), plain.get(id)]) if (task !== undefined) how(task);
        };
        const forget = (id: TaskId | undefined): void => {
          if (id !== undefined) expect(table.delete(id)).toBe(plain.delete(id));
        };
        for (const one of steps) {
          if (one.do === 'add') {
            const n = ids++;
            table.set(idOf(n), record(n, one.kind, now));
            plain.set(idOf(n), record(n, one.kind, now));
          } else if (one.do === 'begin')
            change(one.nth, (task) => {
              task.state = 'running';
              task.attempts = [
                {
                  attempt: 1,
                  fence: 1,
                  worker: asWorkerId('w'),
                  startedAt: now,
                  capMs: 1,
                  ttlMs: undefined,
                  endedAt: null,
                  outcome: null,
                  exitCode: null,
                  error: null,
                  result: null,
                  checkpoint: undefined,
                },
              ];
            });
          else if (one.do === 'parent')
            change(one.nth, (task) => {
              task.children = [record(0, 0, now)];
            });
          else if (one.do === 'forget') forget([...plain.keys()][one.nth]);
          else if (one.do === 'forget-newest') forget([...plain.keys()].at(-1));
          else {
            now += one.ms;
            table.packWaiting(now - YOUNG_MS, { rows: 1 });
          }
          packed += table.packed;
          expect(table.size).toBe(plain.size);
          expect(new Map(table)).toEqual(plain);
        }
        // In the end all that waits is packed, and nothing else.
        table.set(idOf(ids), record(ids, 0, now));
        table.packWaiting(Infinity, { rows: 1 });
        table.packWaiting(Infinity, { rows: 1 });
        for (const task of table.unpacked())
          expect(task.state === 'running' || task.children.length > 0).toBe(true);
      }),
      { numRuns: 200 },
    );
    expect(packed).toBeGreaterThan(1_000);
  });

  it('packs by itself what no longer is young, while more comes in', () => {
    const table = new TaskTable();
    for (let n = 0; n < 40_000; n++) table.set(idOf(n), record(n, 0, T + n));
    expect(table.packed).toBeGreaterThan(40_000 - YOUNG_MS - 4_096);
    expect([table.size, table.peek(idOf(17))?.submittedAt]).toEqual([40_000, T + 17]);
  });
});
