import type { ProjectionReport } from '@yardmaster/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { ProjectionWatch } from './projection-watch.js';

const report = (more: Partial<ProjectionReport> = {}): ProjectionReport => ({
  projection: 'relational',
  node: 'n1',
  state: 'running',
  error: null,
  lagEvents: 0,
  ...more,
});

let watch: ProjectionWatch;
beforeEach(() => {
  watch = new ProjectionWatch();
});

function hearEachSecond(from: number, to: number, more: Partial<ProjectionReport>): void {
  for (let now = from; now <= to; now += 1_000) watch.hear(report(more), now);
}

describe('the watch over the views', () => {
  it('finds nothing while they follow', () => {
    hearEachSecond(0, 120_000, { lagEvents: 300_000 });
    watch.hear(report({ projection: 'graph', state: 'starting' }), 120_000);
    expect(watch.findings(120_000)).toEqual([]);
  });

  it('names a view that has halted at once, with what it said', () => {
    watch.hear(report({ state: 'halted', error: 'the log ends at 20' }), 0);
    expect(watch.findings(1)).toEqual([
      {
        projection: 'relational',
        message: 'the relational view has halted: the log ends at 20',
        action: expect.stringContaining('yard admin rebuild') as string,
      },
    ]);
  });

  it('names a view that waits for its store only after a minute', () => {
    hearEachSecond(0, 59_000, { state: 'waiting', error: 'refused' });
    expect(watch.findings(59_000)).toEqual([]);
    hearEachSecond(60_000, 61_000, { state: 'waiting', error: 'refused' });
    expect(watch.findings(61_000)).toMatchObject([
      { message: expect.stringContaining('61 s: refused') as string },
    ]);
    watch.hear(report(), 62_000);
    expect(watch.findings(62_000)).toEqual([]);
  });

  it('names a view that stays a million events behind', () => {
    hearEachSecond(0, 59_000, { lagEvents: 2_000_000 });
    expect(watch.findings(59_000)).toEqual([]);
    watch.hear(report({ lagEvents: 2_000_000 }), 60_000);
    expect(watch.findings(60_000)).toMatchObject([
      { message: 'the relational view is 2000000 events behind the log' },
    ]);
    watch.hear(report({ lagEvents: 10 }), 61_000);
    expect(watch.findings(61_000)).toEqual([]);
  });

  it('names a view that nobody keeps any more, and forgets it after an hour', () => {
    watch.hear(report(), 0);
    expect(watch.findings(14_000)).toEqual([]);
    expect(watch.findings(15_000)).toMatchObject([
      { message: expect.stringContaining('since n1 fell silent') as string },
    ]);
    expect(watch.findings(3_700_000)).toEqual([]);
  });

  it('asks no more of a process that waits for its turn behind another', () => {
    hearEachSecond(0, 90_000, { node: 'n2', state: 'waiting' });
    watch.hear(report(), 90_000);
    expect(watch.findings(90_000)).toEqual([]);
  });
});
