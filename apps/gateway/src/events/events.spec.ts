import { YardError } from '@yardmaster/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeLog } from '../testing/fake-yard.js';
import { EventStream, startingPositions, type EventFilter } from './event-stream.js';
import { PositionVector, WHOLE, followedStreams } from './position.js';

const STREAMS = followedStreams(2);
const ALL: EventFilter = { scope: null, types: null, tasks: null, workflow: null };
const submitted = (id: string, tenant = 1, workflow: string | null = null): unknown => ({
  type: 'TaskSubmitted',
  id,
  tenant,
  workflow,
  open: 0,
  dueAt: null,
  sealed: { name: `name of ${id}`, key: null },
});
const succeeded = (id: string, tenant = 1): unknown => ({
  type: 'TaskSucceeded',
  id,
  tenant,
  attempt: 1,
  released: [],
  sealed: { result: { ok: true } },
});
const failed = (id: string, upstreamFailed: string[]): unknown => ({
  type: 'TaskFailed',
  id,
  tenant: 1,
  attempt: 1,
  category: 'app',
  upstreamFailed,
  sealed: { error: 'exit code 1' },
});

interface Told {
  id: string | null;
  type: string;
  task?: string;
}

/** Everything that a reader is told from a position on, until the log is read to its end. */
async function read(log: FakeLog, from: string | null, filter: EventFilter = ALL): Promise<Told[]> {
  let text = '';
  const stream = new EventStream(
    log,
    STREAMS,
    await startingPositions(log, STREAMS, from),
    filter,
    (more) => {
      text += more;
    },
  );
  const running = stream.run();
  await new Promise((resolve) => setTimeout(resolve, 5));
  stream.stop();
  await running;
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const id = /^id: (.+)$/m.exec(block)?.[1] ?? null;
      const data = JSON.parse(/^data: (.+)$/m.exec(block)?.[1] ?? '{}') as { type: string; task?: string };
      return { id, ...data };
    });
}

function someLog(): FakeLog {
  const log = new FakeLog();
  log.commit('tasks-0', [submitted('11'), submitted('12', 2), submitted('13')]);
  log.commit('tasks-1', [submitted('21')]);
  log.commit('leases-main', [
    { type: 'LeaseGranted', task: '11', tenant: 1, attempt: 1, fence: 7, worker: 'w1' },
  ]);
  log.commit('tasks-0', [succeeded('11'), failed('13', ['14', '15'])]);
  return log;
}

describe('positions', () => {
  it('are read back as they were written, and stay one block a stream', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            seq: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
            index: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.constant(WHOLE)),
          }),
          { minLength: 3, maxLength: 9 },
        ),
        (positions) => {
          const vector = new PositionVector(positions);
          expect(PositionVector.parse(vector.toString(), positions.length)).toEqual(positions);
          const [before, after] = vector.around(1);
          expect(before.length + 12 + after.length).toBe(vector.toString().length);
          vector.moveTo(1, 5, 6);
          expect(PositionVector.parse(vector.toString(), positions.length)[1]).toEqual({ seq: 5, index: 6 });
        },
      ),
    );
  });

  it('of another yard, or none at all, are refused', async () => {
    const log = someLog();
    for (const text of ['', 'x', 'AAAA', new PositionVector([{ seq: 1, index: 0 }]).toString(), '../..']) {
      await expect(startingPositions(log, STREAMS, text)).rejects.toBeInstanceOf(YardError);
    }
    await expect(
      startingPositions(
        log,
        STREAMS,
        new PositionVector(STREAMS.map(() => ({ seq: 9, index: 0 }))).toString(),
      ),
    ).rejects.toMatchObject({ code: 'resync' });
  });
});

describe('the event stream', () => {
  it('tells all from the start in the order of each stream', async () => {
    const told = await read(someLog(), 'start');
    expect(
      told
        .filter(({ task }) => task === '11')
        .map(({ type }) => type)
        .sort(),
    ).toEqual(['LeaseGranted', 'TaskSubmitted', 'TaskSucceeded']);
    expect(told.filter(({ type }) => type === 'TaskUpstreamFailed').map(({ task }) => task)).toEqual([
      '14',
      '15',
    ]);
    expect(told).toHaveLength(9);
  });

  it('tells several readers what it tells one, each what it may see', async () => {
    const log = someLog();
    const filters = [ALL, { ...ALL, scope: 2 }, ALL];
    const together = await Promise.all(filters.map((filter) => read(log, 'start', filter)));
    for (const [i, filter] of filters.entries())
      expect(together[i]).toEqual(await read(log, 'start', filter));
    expect(together.map(({ length }) => length)).toEqual([9, 1, 9]);
  });

  it('goes on after any position without a gap or a repeat', async () => {
    const log = someLog();
    const all = await read(log, 'start');
    for (const [i, { id }] of all.entries()) {
      if (id === null) continue;
      expect((await read(log, id)).map(({ type, task }) => `${type} ${String(task)}`)).toEqual(
        all.slice(i + 1).map(({ type, task }) => `${type} ${String(task)}`),
      );
    }
    expect(await read(log, null)).toEqual([]);
  });

  it('tells a tenant nothing of another', async () => {
    const told = await read(someLog(), 'start', { ...ALL, scope: 2 });
    expect(told.map(({ task }) => task)).toEqual(['12']);
  });

  it('tells only the wanted types, tasks and workflow', async () => {
    expect(
      (await read(someLog(), 'start', { ...ALL, types: new Set(['TaskUpstreamFailed']) })).map(
        ({ task }) => task,
      ),
    ).toEqual(['14', '15']);
    expect(
      (await read(someLog(), 'start', { ...ALL, tasks: new Set(['21']) })).map(({ task }) => task),
    ).toEqual(['21']);
    const log = new FakeLog();
    log.commit('tasks-0', [submitted('1', 1, '9'), submitted('2'), succeeded('1'), succeeded('2')]);
    expect(
      (await read(log, 'start', { ...ALL, tasks: new Set(), workflow: '9' })).map(({ task }) => task),
    ).toEqual(['1', '1']);
  });
});
