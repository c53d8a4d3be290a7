/** Rows in the binary form of COPY: the server reads them several times faster than text, and numbers need no printing. */

const START_SIZE = 64 * 1024;
/** "PGCOPY\n\377\r\n\0", no flags, no extension. */
const HEADER = Uint8Array.from([80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const INT8_OID = 20;
const JSONB_VERSION = 1;
const TWO_32 = 0x1_0000_0000;
const INT4_MAX = 0x7fff_ffff;
/** Microseconds of Postgres count from the year 2000. */
const YEAR_2000_MS = 946_684_800_000;
const LATEST_MS = 8.64e15;
/** Texts up to here are copied byte by byte while they are ASCII: a call out of JavaScript costs more. */
const SHORT_TEXT = 48;

/** Whole numbers as a column of type bigint[]. */
export interface Numbers {
  readonly count: number;
  at(i: number): number;
}

export class CopyRows {
  #bytes = Buffer.allocUnsafe(START_SIZE);
  #view = viewOf(this.#bytes);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What was written since the last call; valid until the next write. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#size);
    this.#size = 0;
    return taken;
  }

  header(): void {
    this.raw(HEADER);
  }

  end(): void {
    const at = this.#room(2);
    this.#view.setInt16(at, -1);
  }

  row(columns: number): void {
    const at = this.#room(2);
    this.#view.setInt16(at, columns);
  }

  /** Fields written before. */
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  nothing(): void {
    const at = this.#room(4);
    this.#view.setInt32(at, -1);
  }

  bool(value: boolean): void {
    const at = this.#room(5);
    this.#view.setInt32(at, 1);
    this.#bytes[at + 4] = value ? 1 : 0;
  }

  int2(value: number | null): void {
    if (value === null) {
      this.nothing();
      return;
    }
    const at = this.#room(6);
    this.#view.setInt32(at, 2);
    this.#view.setInt16(at + 4, value);
  }

  /** Rounded, and the nearest there is of what does not fit. */
  int4(value: number | null | undefined): void {
    if (value === null || value === undefined) {
      this.nothing();
      return;
    }
    const at = this.#room(8);
    this.#view.setInt32(at, 4);
    this.#view.setInt32(at + 4, Math.max(-INT4_MAX, Math.min(INT4_MAX, Math.round(value))));
  }

  /** Rounded; exact up to 2^53. */
  int8(value: number | null | undefined): void {
    if (value === null || value === undefined) {
      this.nothing();
      return;
    }
    const at = this.#room(12);
    this.#view.setInt32(at, 8);
    this.#big(at + 4, Math.round(value));
  }

  /** A bigint in digits, as ids are kept. */
  id(digits: string | null | undefined): void {
    if (digits === null || digits === undefined) {
      this.nothing();
      return;
    }
    const at = this.#room(12);
    this.#view.setInt32(at, 8);
    // In two parts that each fit a number: the digits before the last nine, and those nine.
    const cut = Math.max(0, digits.length - 9);
    const head = digitsBetween(digits, 0, cut);
    const tail = digitsBetween(digits, cut, digits.length);
    const top = Math.floor(head / 0x2_0000) * 1e9;
    const low = (head % 0x2_0000) * 1e9 + tail + (top % 0x8000) * 0x2_0000;
    this.#view.setUint32(at + 4, Math.floor(top / 0x8000) + Math.floor(low / TWO_32));
    this.#view.setUint32(at + 8, low % TWO_32);
  }

  float8(value: number | null | undefined): void {
    if (value === null || value === undefined) {
      this.nothing();
      return;
    }
    const at = this.#room(12);
    this.#view.setInt32(at, 8);
    this.#view.setFloat64(at + 4, value);
  }

  /** Epoch ms as timestamptz; not before 1970 and not after the last date that JavaScript knows. */
  time(ms: number | null): void {
    if (ms === null) {
      this.nothing();
      return;
    }
    const at = this.#room(12);
    this.#view.setInt32(at, 8);
    const since = Math.min(LATEST_MS, Math.max(0, Math.trunc(ms) || 0)) - YEAR_2000_MS;
    const high = Math.floor(since / TWO_32);
    const low = (since - high * TWO_32) * 1_000;
    this.#view.setInt32(at + 4, high * 1_000 + Math.floor(low / TWO_32));
    this.#view.setUint32(at + 8, low % TWO_32);
  }

  /** Any text; what Postgres can't hold (U+0000, half surrogates) becomes U+FFFD. */
  text(value: string | null | undefined): void {
    if (value === null || value === undefined) {
      this.nothing();
      return;
    }
    const start = this.#room(4);
    if (value.length > SHORT_TEXT || !this.#ascii(value)) this.#utf8(value);
    this.#view.setInt32(start, this.#size - start - 4);
  }

  /** JSON text as jsonb. */
  json(text: string | null): void {
    if (text === null) {
      this.nothing();
      return;
    }
    const start = this.#room(5);
    this.#bytes[start + 4] = JSONB_VERSION;
    this.#utf8(text);
    this.#view.setInt32(start, this.#size - start - 4);
  }

  numbers(values: Numbers | null): void {
    if (values === null) {
      this.nothing();
      return;
    }
    const { count } = values;
    const at = this.#room(24 + count * 12);
    const view = this.#view;
    view.setInt32(at, 20 + count * 12);
    view.setInt32(at + 4, 1);
    view.setInt32(at + 8, 0);
    view.setInt32(at + 12, INT8_OID);
    view.setInt32(at + 16, count);
    view.setInt32(at + 20, 1);
    for (let i = 0, place = at + 24; i < count; i++, place += 12) {
      view.setInt32(place, 8);
      this.#big(place + 4, values.at(i));
    }
  }

  #big(at: number, value: number): void {
    const high = Math.floor(value / TWO_32);
    this.#view.setInt32(at, high);
    this.#view.setUint32(at + 4, value - high * TWO_32);
  }

  /** False, with nothing written, when it is not plain ASCII. */
  #ascii(value: string): boolean {
    const { length } = value;
    const at = this.#room(length);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code === 0 || code > 0x7f) {
        this.#size = at;
        return false;
      }
      bytes[at + i] = code;
    }
    return true;
  }

  #utf8(value: string): void {
    const safe = value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
    const at = this.#room(safe.length * 3);
    this.#size = at + this.#bytes.write(safe, at);
  }

  /** Makes room and steps over it. */
  #room(bytes: number): number {
    const at = this.#size;
    this.#size += bytes;
    if (this.#size > this.#bytes.length) this.#grow(at);
    return at;
  }

  #grow(used: number): void {
    const bytes = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#size));
    this.#bytes.copy(bytes, 0, 0, used);
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function digitsBetween(digits: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + digits.charCodeAt(i) - 48;
  return value;
}
