import { type DomainEvent, FEATURE_LEVEL } from '@yardmaster/domain';
import { Column, openColumn, valueAt } from './columns.js';
import { readerOf, writerFor } from './registry.js';

/** More than any writer puts into an envelope: a count beyond it is not believed. */
const MOST_ROWS = 100_000;

/**
 * Events as runs: neighbours of one type, version and number of fields are written by column. Flat, for each run:
 * code, version, rows, number of fields, then as many columns.
 */
export function packRuns(events: readonly DomainEvent[], level = FEATURE_LEVEL): unknown[] {
  const flat: unknown[] = [];
  let columns: Column[] = [];
  let code = -1;
  let rows = 0;
  const close = (): void => {
    if (rows === 0) return;
    flat[flat.length - 2] = rows;
    for (const column of columns) flat.push(column.packed);
  };
  for (const event of events) {
    const codec = writerFor(event.type, level);
    const fields = codec.write(event);
    if (codec.code !== code || fields.length !== columns.length) {
      close();
      code = codec.code;
      rows = 0;
      columns = fields.map(() => new Column());
      flat.push(code, codec.version, 0, fields.length);
    }
    for (let i = 0; i < fields.length; i++) columns[i]!.add(fields[i]);
    rows++;
  }
  close();
  return flat;
}

/** `contents` by place among the events. */
export function unpackRuns(flat: readonly unknown[], contents: readonly unknown[] | null): DomainEvent[] {
  const events: DomainEvent[] = [];
  for (let at = 0; at < flat.length;) {
    const read = readerOf(flat[at] as number, flat[at + 1] as number);
    const rows = flat[at + 2] as number;
    const width = flat[at + 3] as number;
    const first = at + 4;
    if (!(rows > 0 && rows <= MOST_ROWS && width >= 0 && first + width <= flat.length))
      throw new RangeError('a run of events is cut off');
    const columns = flat.slice(first, first + width).map((column) => openColumn(column, rows));
    for (let i = 0; i < rows; i++) {
      const fields = columns.map((column) => valueAt(column, i));
      events.push(read(fields, contents?.[events.length] ?? null));
    }
    at = first + width;
  }
  return events;
}
