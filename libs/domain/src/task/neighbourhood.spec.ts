import { asTaskId } from '@yardmaster/kernel';
import { describe, expect, it } from 'vitest';
import { defaultRetry } from '../spec/index.js';
import { neighbourhood } from './neighbourhood.js';
import { PartitionState, type TaskRecord } from './partition-state.js';
import { decideSubmit, type DraftTask } from './partition.decide.js';
import { evolvePartition } from './partition.evolve.js';

const state = new PartitionState(0);
const at = { at: 1, node: 'n', epoch: 1 };
let ids = 0;

/** Submits lone tasks or a workflow; `parents` are places in it, `needs` ids. */
function submit(tasks: readonly Partial<DraftTask>[], workflow: { name: string; labels: null } | null): void {
  const run = { script: null, scriptHash: null, command: null, args: null, env: null, input: null };
  const decided = decideSubmit(
    state,
    {
      tenant: 1,
      user: 1,
      specs: [
        {
          kind: 'handler',
          handler: 'h',
          resources: {},
          queue: 'default',
          classRank: 2,
          priority: 500,
          strategy: null,
          delayToleranceMs: null,
          capMs: 1,
          retry: defaultRetry(),
          idempotent: false,
          require: {},
        },
      ],
      tasks: tasks.map((task) => ({
        spec: 0,
        dueAt: null,
        needs: [],
        parents: [],
        content: { name: 't', key: workflow === null ? null : 't', labels: null, run },
        ...task,
      })),
      workflow,
      claim: null,
    },
    () => asTaskId(String(++ids)),
    1,
  );
  if (!decided.ok) throw new Error(decided.error.code);
  if (decided.value.kind === 'accepted')
    for (const event of decided.value.events) evolvePartition(state, event, at);
}
const task = (id: string): TaskRecord => state.tasks.get(asTaskId(id))!;
const around = (id: string, direction: 'upstream' | 'downstream', depth = 100): [string[], string[]] => {
  const { tasks, edges } = neighbourhood(task(id), direction, depth);
  return [tasks.map((one) => one.id), edges.map(({ from, to }) => `${from}>${to}`)];
};

describe('the neighbourhood of a task', () => {
  submit(
    [{}, { parents: [0] }, { parents: [0] }, { parents: [1, 2] }].map((one, i) => ({
      ...one,
      content: {
        name: 't',
        key: `k${String(i)}`,
        labels: null,
        run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
      },
    })),
    { name: 'w', labels: null },
  );
  const [top = '', left = '', right = '', bottom = ''] = [...state.tasks.keys()] as string[];

  it('is what it depends on, or what depends on it, with the edges between', () => {
    expect(around(bottom, 'upstream')).toEqual([
      [top, left, right, bottom],
      [`${top}>${left}`, `${top}>${right}`, `${left}>${bottom}`, `${right}>${bottom}`],
    ]);
    expect(around(left, 'downstream')).toEqual([[left, bottom], [`${left}>${bottom}`]]);
    expect(around(top, 'upstream')).toEqual([[top], []]);
  });

  it('ends after so many steps', () => {
    expect(around(bottom, 'upstream', 1)[0]).toEqual([left, right, bottom]);
  });

  it('holds a task that named its parent after that had ended', () => {
    evolvePartition(
      state,
      { type: 'TaskSucceeded', id: asTaskId(top), tenant: 1, attempt: 1, released: [], sealed: null },
      at,
    );
    submit([{ needs: [asTaskId(top)] }], null);
    const late = [...state.tasks.keys()].at(-1)!;
    expect(around(top, 'downstream', 1)[0]).toContain(late);
    expect(around(late, 'upstream')[1]).toEqual([`${top}>${late}`]);
  });
});
