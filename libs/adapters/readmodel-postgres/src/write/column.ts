import type { CopyRows, Numbers } from './copy-rows.js';
import { jsonText } from './json-text.js';

/** One field of a row. */
export interface Column<T> {
  readonly name: string;
  /** Postgres type. */
  readonly type: string;
  readonly write: (rows: CopyRows, row: T) => void;
  /** New value of an existing row, from `t.<name>`, the existing one, and `n.<name>`. Default: the existing one if there is one. */
  readonly merge?: string;
}

type Maybe<V> = V | null | undefined;
type Make<V> = <T>(name: string, of: (row: T) => V, merge?: string) => Column<T>;

function kind<V>(type: string, put: (rows: CopyRows, value: V) => void): Make<V> {
  return (name, of, merge) => ({
    name,
    type,
    write: (rows, row) => {
      put(rows, of(row));
    },
    ...(merge === undefined ? {} : { merge }),
  });
}

export const bool = kind<boolean>('boolean', (rows, value) => {
  rows.bool(value);
});
export const int2 = kind<number | null>('smallint', (rows, value) => {
  rows.int2(value);
});
export const int4 = kind<Maybe<number>>('integer', (rows, value) => {
  rows.int4(value);
});
export const int8 = kind<Maybe<number>>('bigint', (rows, value) => {
  rows.int8(value);
});
/** A bigint in digits. */
export const id = kind<Maybe<string>>('bigint', (rows, value) => {
  rows.id(value);
});
export const float8 = kind<Maybe<number>>('double precision', (rows, value) => {
  rows.float8(value);
});
/** Epoch ms. */
export const time = kind<number | null>('timestamptz', (rows, value) => {
  rows.time(value);
});
export const text = kind<Maybe<string>>('text', (rows, value) => {
  rows.text(value);
});
export const json = kind<unknown>('jsonb', (rows, value) => {
  rows.json(jsonText(value));
});
export const numbers = kind<Numbers | null>('bigint[]', (rows, value) => {
  rows.numbers(value);
});
