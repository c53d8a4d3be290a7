import { usage } from '../exit.js';
import type { Options, OutputForm } from '../invocation.js';
import { colours, plain } from './colour.js';

export interface Column<T> {
  readonly title: string;
  readonly of: (item: T) => string;
  /** Shown by `-o wide` alone. */
  readonly isWide?: true;
}

/** How things of one kind are shown. */
export interface View<T> {
  readonly columns: readonly Column<T>[];
  /** What `-o name` prints. */
  readonly name: (item: T) => string;
  /** Said on stderr when there is nothing. */
  readonly none: string;
}

const FORMS: readonly OutputForm[] = ['table', 'wide', 'json', 'yaml', 'name'];

export function outputForm(options: Options): OutputForm {
  const form = options.output ?? 'table';
  if (!FORMS.includes(form)) throw usage(`-o takes one of ${FORMS.join(', ')}`);
  return form;
}

/** Prints a list on stdout. `whole` is what JSON and YAML show. */
export async function printList<T>(
  items: readonly T[],
  view: View<T>,
  options: Options,
  whole: unknown = { items },
): Promise<void> {
  const form = outputForm(options);
  if (form === 'json' || form === 'yaml') await printData(whole, form);
  else if (form === 'name') for (const item of items) out(view.name(item));
  else if (items.length === 0) process.stderr.write(`${view.none}\n`);
  else
    printTable(
      items,
      view.columns.filter((c) => form === 'wide' || !c.isWide),
    );
}

/** Prints one thing: as JSON or YAML, its name, or as lines `name  value`. */
export async function printOne(
  item: object,
  name: string,
  lines: readonly (readonly [string, string])[],
  options: Options,
): Promise<void> {
  const form = outputForm(options);
  if (form === 'json' || form === 'yaml') await printData(item, form);
  else if (form === 'name') out(name);
  else {
    const width = Math.max(...lines.map(([title]) => title.length));
    const { dim } = colours(process.stdout);
    for (const [title, value] of lines) out(`${dim(title.padEnd(width))}  ${plain(value)}`);
  }
}

export async function printData(value: unknown, form: 'json' | 'yaml'): Promise<void> {
  if (form === 'json') {
    out(JSON.stringify(value, null, 2));
    return;
  }
  const { stringify } = await import('yaml');
  process.stdout.write(stringify(value));
}

export function printTable<T>(items: readonly T[], columns: readonly Column<T>[]): void {
  const rows = items.map((item) => columns.map((column) => plain(column.of(item))));
  const widths = columns.map((column, i) =>
    rows.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), column.title.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  out(colours(process.stdout).dim(line(columns.map((c) => c.title))));
  for (const row of rows) out(line(row));
}

export function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
