import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '@yardmaster/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileReportJournal } from './file-report-journal.js';

let dir: string;
let path: string;
const report = (task: string, result: unknown = null): Report => [task, 1, 1, 'ok', 0, null, result, null];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yard-journal-'));
  path = join(dir, 'reports.journal');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('the journal of reports', () => {
  it('gives back, after a crash, what was appended and not settled, in order', async () => {
    const journal = new FileReportJournal(path);
    await journal.append([report('1'), report('2', { a: 'ü' })]);
    await journal.append([report('3')]);
    journal.settle([['1', 1, 1, 'ok']]);
    await journal.append([report('4')]);
    const again = new FileReportJournal(path);
    expect(again.pending().map(([task]) => task)).toEqual(['2', '3', '4']);
    expect(again.pending()[0]).toEqual(report('2', { a: 'ü' }));
    expect(again.has('3', 1, 1)).toBe(true);
    expect(again.has('3', 2, 1)).toBe(false);
  });

  it('is empty once everything was settled', async () => {
    const journal = new FileReportJournal(path);
    await journal.append([report('1')]);
    journal.settle([['1', 1, 1, 'gone']]);
    journal.close();
    expect(new FileReportJournal(path).pending()).toEqual([]);
  });

  it('cuts off a torn or damaged end and keeps what is before it', async () => {
    const journal = new FileReportJournal(path);
    await journal.append([report('1')]);
    const whole = statSync(path).size;
    await journal.append([report('2')]);
    truncateSync(path, statSync(path).size - 3);
    expect(new FileReportJournal(path).pending().map(([task]) => task)).toEqual(['1']);
    expect(statSync(path).size).toBe(whole);
    appendFileSync(path, Buffer.from([5, 0, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9, 9]));
    expect(new FileReportJournal(path).pending().map(([task]) => task)).toEqual(['1']);
  });

  it('does not grow without end', async () => {
    const journal = new FileReportJournal(path);
    const large = 'x'.repeat(8_000);
    for (let k = 0; k < 1_500; k += 50) {
      const batch = Array.from({ length: 50 }, (_, n) => report(String(k + n + 1), large));
      await journal.append(batch);
      journal.settle(batch.slice(0, 49).map(([task]) => [task, 1, 1, 'ok']));
    }
    journal.close();
    expect(readFileSync(path).length).toBeLessThan(6 * 1024 * 1024);
    expect(new FileReportJournal(path).pending()).toHaveLength(30);
  });
});
