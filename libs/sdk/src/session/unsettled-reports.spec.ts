import type { Report } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import { UnsettledReports } from './unsettled-reports.js';

const report = (task: string, attempt: number, fence: number): Report =>
  [task, attempt, fence, 'ok', null, null] as unknown as Report;

describe('reports without an answer', () => {
  it('are held by attempt and fence, also several of one task', () => {
    const reports = new UnsettledReports();
    for (const one of [report('7', 1, 10), report('8', 1, 11), report('7', 2, 12), report('7', 3, 13)])
      reports.add(one, true);
    expect(reports.held()).toEqual([
      ['7', 1, 10],
      ['7', 2, 12],
      ['7', 3, 13],
      ['8', 1, 11],
    ]);
    expect([reports.has('7', 2, 12), reports.has('7', 2, 13), reports.has('9', 1, 1)]).toEqual([
      true,
      false,
      false,
    ]);
    reports.settle([['7', 2, 12, 'recorded']] as never);
    reports.settle([['7', 2, 12, 'recorded']] as never);
    expect([reports.size, reports.has('7', 1, 10), reports.has('7', 3, 13)]).toEqual([3, true, true]);
    reports.settle([
      ['7', 1, 10, 'recorded'],
      ['7', 3, 13, 'recorded'],
      ['8', 1, 11, 'recorded'],
    ] as never);
    expect([reports.size, reports.held()]).toEqual([0, []]);
  });

  it('are due once they are kept, again after a while, and all of them over a new connection', () => {
    const reports = new UnsettledReports();
    const first = reports.add(report('7', 1, 10), true);
    const second = reports.add(report('8', 1, 11), false);
    expect(reports.due(Infinity)).toEqual([first]);
    second.kept = true;
    first.sentAt = 1_000;
    expect(reports.due(999)).toEqual([second]);
    expect(reports.due(1_000)).toEqual([first, second]);
    reports.forgetSends();
    expect(reports.due(-Infinity)).toEqual([first, second]);
  });

  it('told again are one', () => {
    const reports = new UnsettledReports();
    reports.add(report('7', 1, 10), true);
    reports.add(report('7', 1, 10), true);
    expect(reports.size).toBe(1);
  });
});
