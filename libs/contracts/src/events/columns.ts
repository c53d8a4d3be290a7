/**
 * Rows written by column, so that what is the same in many is written once. A column stands as its one value when all rows have
 * it, as bytes when it is ASCII texts of one length, else as the list of its values. A value that is itself a list or bytes is
 * always in a list, so that none of the three is taken for another.
 */

/** Fewer texts are not worth joining. */
const MANY = 8;

export class Column {
  #shared: unknown = null;
  #values: unknown[] | null = null;
  #rows = 0;

  add(value: unknown): void {
    if (this.#values !== null) this.#values.push(value);
    else if (this.#rows === 0 && !isPlural(value)) this.#shared = value;
    else if (this.#rows === 0 || value !== this.#shared) {
      this.#values = new Array<unknown>(this.#rows).fill(this.#shared);
      this.#values.push(value);
    }
    this.#rows++;
  }

  get packed(): unknown {
    if (this.#values === null) return this.#shared;
    return joined(this.#values) ?? this.#values;
  }
}

/** A column as it was packed, ready to be asked for its values. Throws RangeError when it does not have so many. */
export function openColumn(packed: unknown, rows: number): unknown {
  if (!isPlural(packed)) return packed;
  const values = Array.isArray(packed) ? packed : split(packed, rows);
  if (values.length < rows)
    throw new RangeError(`a column has ${String(values.length)} of ${String(rows)} values`);
  return values;
}

/** Value of row `i` of an opened column. */
export function valueAt(column: unknown, i: number): unknown {
  return Array.isArray(column) ? (column as unknown[])[i] : column;
}

function isPlural(value: unknown): value is unknown[] | Uint8Array {
  return typeof value === 'object' && (Array.isArray(value) || value instanceof Uint8Array);
}

/** Ids by the thousand: one copy instead of one for each. */
function joined(values: readonly unknown[]): Uint8Array | null {
  if (values.length < MANY) return null;
  const [first] = values;
  if (typeof first !== 'string' || first.length === 0) return null;
  for (const value of values) if (typeof value !== 'string' || value.length !== first.length) return null;
  const text = values.join('');
  const bytes = Buffer.from(text);
  return bytes.length === text.length ? bytes : null;
}

/** Each a string of its own: a part of one long string would keep all of it in memory. */
function split(bytes: Uint8Array, rows: number): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = buffer.length / rows;
  if (!Number.isInteger(width)) throw new RangeError('texts of a column are cut off');
  return Array.from({ length: rows }, (_, i) => buffer.toString('latin1', i * width, (i + 1) * width));
}
