import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { table } from '../../docs/generate/markdown.js';
import { ROOT } from '../e2e/start-yard.js';
import { FAULTS } from './catalogue.js';
import { type Fault, FAMILIES } from './fault.js';
import { type Outcome, sumOfHarm, type Verdict } from './judge/verdict.js';

const PAGE = path.join(ROOT, 'docs/reference/faults.md');
const HEAD = [
  'fault',
  'of',
  'what is done',
  'seeds',
  'outcome',
  'what was seen',
  'events',
  'tasks',
  'takeovers',
  'longest gap',
  'seconds',
  'lost / doubled / fenced',
];
const [SEEDS, OUTCOME, EVENTS, HARM] = [3, 4, 6, 11] as const;
/** A row counts as the worst of its seeds. */
const WORST_FIRST: readonly Outcome[] = ['failed', 'void', 'green', 'skipped'];

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

/** Faults whose rows say that nothing is wrong with at least so many seeds. */
export function settledIn(seeds: number): ReadonlySet<string> {
  const rows = [...rowsIn(readFileSync(PAGE, 'utf8'))];
  return new Set(
    rows
      .filter(([, row]) => {
        const ran = (row[SEEDS] ?? '').split(',').length;
        return row[OUTCOME] === 'green' && ran >= seeds;
      })
      .map(([name]) => name),
  );
}

function rowOf({ name, of, what, on }: Fault, all: readonly Verdict[]): string[] {
  const total = (figure: 'events' | 'tasks' | 'takeovers' | 'seconds'): string =>
    String(sum(all.map(({ figures }) => figures[figure])));
  const outcome = WORST_FIRST.find((one) => all.some((verdict) => verdict.outcome === one)) ?? 'void';
  const such = all.filter((verdict) => verdict.outcome === outcome);
  const [shown] = such;
  const harm = sumOfHarm(all.map((one) => one.harm));
  const isSkipped = outcome === 'skipped';
  const figures = isSkipped
    ? ['', '', '', '', '', '']
    : [
        total('events'),
        total('tasks'),
        total('takeovers'),
        `${(Math.max(...all.map(({ figures: { gapMs } }) => gapMs)) / 1_000).toFixed(1)} s`,
        total('seconds'),
        `${String(harm.lost)} / ${String(harm.doubled)} / ${String(harm.fenced)}`,
      ];
  const seen = [shown?.seen, ...(shown?.faults ?? [])].filter((text) => text !== undefined && text !== '');
  const seeds = isSkipped ? '' : all.map(({ seed }) => String(seed)).join(', ');
  const told =
    such.length === all.length ? outcome : `${outcome} (seed ${such.map(({ seed }) => seed).join(', ')})`;
  return [`\`${name}\``, of, `${what} (${on})`, seeds, told, oneLine(seen.join('; ')), ...figures];
}

function summaryOf(rows: readonly (readonly string[])[]): string {
  const counts = WORST_FIRST.map(
    (outcome) => `${String(rows.filter((row) => row[OUTCOME]?.startsWith(outcome)).length)} ${outcome}`,
  );
  const runs = sum(rows.map((row) => (row[SEEDS] === '' ? 0 : (row[SEEDS] ?? '').split(',').length)));
  const events = sum(rows.map((row) => Number(row[EVENTS])));
  const [lost, doubled, fenced] = [0, 1, 2].map((i) =>
    sum(rows.map((row) => Number(row[HARM]?.split(' / ')[i] ?? 0))),
  );
  return [
    `${String(rows.length)} faults: ${counts.join(', ')}.`,
    `${String(runs)} runs, ${String(events)} events: ${String(lost)} tasks lost, ${String(doubled)} doubled, ${String(fenced)} fenced results accepted.`,
  ].join(' ');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
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
