import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../checkers/log-record.js';
import type { Execution } from '../load/truth.js';
import { faultsOfTruth } from './ground-truth.js';

/** One envelope each. */
const logOf = (...envelopes: object[][]): LogRecord => ({
  streams: ['leases-main'],
  disk: () => envelopes.map((events, i) => ({ seq: i + 1, events })) as never,
});
const granted = (attempt: number, fence: number): object => ({
  type: 'LeaseGranted',
  task: '7',
  attempt,
  fence,
});
const ended = (attempt: number, fence: number, outcome = 'ok'): object => ({
  type: 'LeaseEnded',
  task: '7',
  attempt,
  fence,
  outcome,
});
const ran = (attempt: number, fence: number, hasFinished: boolean): Execution => ({
  task: '7',
  attempt,
  fence,
  by: 'w',
  from: 1,
  until: 2,
  hasFinished,
});
const judge = (log: LogRecord, ...executions: Execution[]): string[] =>
  faultsOfTruth(log, executions, () => true);

describe('what ran, as it wrote itself down', () => {
  it('is what the log says', () => {
    const log = logOf([granted(1, 1)], [ended(1, 1)]);
    expect(judge(log, ran(1, 1, true))).toEqual([]);
    expect(judge(log, ran(1, 1, false))).toEqual([expect.stringContaining('never wrote that it did')]);
    expect(judge(log)).toEqual([expect.stringContaining('never wrote that it did')]);
    expect(judge(log, ran(1, 1, true), ran(1, 1, true))).toEqual([expect.stringContaining('began 2 times')]);
  });

  it('may have ended under an earlier lease where that finish was adopted, and only there', () => {
    const lost = [[granted(1, 1)], [ended(1, 1, 'lost')]];
    const adopted = logOf(...lost, [granted(2, 2), ended(2, 2)]);
    expect(judge(adopted, ran(1, 1, true))).toEqual([]);
    expect(judge(adopted, ran(1, 1, false))).toEqual([expect.stringContaining('adopts the end of 7')]);
    const again = logOf(...lost, [granted(2, 2)], [ended(2, 2)]);
    expect(judge(again, ran(1, 1, true))).toEqual([expect.stringContaining('never wrote that it did')]);
  });
});
