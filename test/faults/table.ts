import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { table } from '../../docs/generate/markdown.js';
import { ROOT } from '../e2e/start-yard.js';
import { FAULTS } from './catalogue.js';
import { type Fault, FAMILIES } from './fault.js';
import type { Outcome, Verdict } from './judge/verdict.js';

const PAGE = path.join(ROOT, 'docs/reference/faults.md');
const HEAD = [
  'fault',
  'of',
  'what is done',
  'outcome',
  'what was seen',
  'events',
  'tasks',
  'takeovers',
  'longest gap',
  'seconds',
];
const OUTCOMES: readonly Outcome[] = ['green', 'failed', 'void', 'skipped'];

/** Writes what was found into the reference page; rows of faults that did not run now stay as they were. */
export function writeTable(verdicts: readonly Verdict[]): void {
  const page = readFileSync(PAGE, 'utf8');
  const rows = rowsIn(page);
  for (const [name, all] of Map.groupBy(verdicts, ({ fault }) => fault)) {
    const fault = FAULTS.find((one) => one.name === name);
    if (fault !== undefined) rows.set(name, rowOf(fault, all));
  }
  const parts = FAMILIES.flatMap((family) => {
    const own = FAULTS.filter((one) => one.family === family).flatMap(({ name }) => {
      const row = rows.get(name);
      return row === undefined ? [] : [row];
    });
    return own.length === 0
      ? []
      : [`### ${family[0]!.toUpperCase()}${family.slice(1)}`, '', table(HEAD, own), ''];
  });
  writeFileSync(PAGE, between(page, [summaryOf([...rows.values()]), '', ...parts].join('\n')));
}

function rowOf({ name, of, what, on }: Fault, all: readonly Verdict[]): string[] {
  const sum = (figure: 'events' | 'tasks' | 'takeovers' | 'seconds'): number =>
    all.reduce((total, { figures }) => total + figures[figure], 0);
  const outcomes = OUTCOMES.flatMap((outcome) => {
    const n = all.filter((verdict) => verdict.outcome === outcome).length;
    return n === 0 ? [] : [n === 1 && all.length === 1 ? outcome : `${String(n)} ${outcome}`];
  });
  const worst = all.find(({ outcome }) => outcome === 'failed') ?? all.at(-1);
  const isSkipped = all.every(({ outcome }) => outcome === 'skipped');
  const figures = isSkipped
    ? ['', '', '', '', '']
    : [
        String(sum('events')),
        String(sum('tasks')),
        String(sum('takeovers')),
        `${(Math.max(...all.map(({ figures: { gapMs } }) => gapMs)) / 1_000).toFixed(1)} s`,
        String(sum('seconds')),
      ];
  const seen = [worst?.seen, ...(worst?.faults ?? [])]
    .filter((text) => text !== undefined && text !== '')
    .join('; ');
  return [`\`${name}\``, of, `${what} (${on})`, outcomes.join(', '), oneLine(seen), ...figures];
}

function summaryOf(rows: readonly (readonly string[])[]): string {
  const counts = OUTCOMES.map(
    (outcome) => `${String(rows.filter((row) => row[3]?.includes(outcome)).length)} ${outcome}`,
  );
  return `${String(rows.length)} faults: ${counts.join(', ')}.`;
}

/** Rows of the page by the name of their fault. */
function rowsIn(page: string): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const line of page.slice(page.indexOf(START)).split('\n')) {
    if (!line.startsWith('| `')) continue;
    const cells = line
      .slice(2, -2)
      .split(/ \| /)
      .map((cell) => cell.trim().replaceAll('\\|', '|'));
    rows.set((cells[0] ?? '').replaceAll('`', ''), cells);
  }
  return rows;
}

function oneLine(text: string): string {
  const plain = text.replace(/\s+/g, ' ').trim();
  return plain.length > 300 ? `${plain.slice(0, 299)}…` : plain;
}

const START = '<!-- results: written by `npm run test:faults` -->';
const END = '<!-- end of results -->';

function between(page: string, text: string): string {
  const from = page.indexOf(START) + START.length;
  const to = page.indexOf(END);
  if (from < START.length || to < from) throw new Error(`${PAGE} has no place for results`);
  return `${page.slice(0, from)}\n\n${text}\n${page.slice(to)}`;
}
