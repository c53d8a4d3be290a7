import { LIMITS, YardError, rejection, type FieldError } from '@yardmaster/contracts';
import { didYouMean, parseDuration } from '@yardmaster/domain';
import { isId } from '@yardmaster/kernel';

export type Query = Readonly<Record<string, unknown>>;

/** Reads query parameters one by one and refuses with all faults at once. */
export class QueryReader {
  readonly #errors: FieldError[] = [];
  readonly #query: Query;

  constructor(
    query: unknown,
    private readonly known: readonly string[],
  ) {
    this.#query = (query ?? {}) as Query;
    for (const name of Object.keys(this.#query)) {
      if (known.includes(name)) continue;
      const meant = didYouMean(name, known);
      this.#fault(
        name,
        `there is no parameter ${JSON.stringify(name.slice(0, 60))}${meant === null ? '' : `: did you mean "${meant}"?`}`,
      );
    }
  }

  text(name: string, allowed?: readonly string[]): string | undefined {
    const value = this.#query[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value.length > 1000) return this.#fault(name, 'is given once, as text');
    if (allowed !== undefined && !allowed.includes(value))
      return this.#fault(name, `is one of ${allowed.join(', ')}`);
    return value;
  }

  int(name: string, min: number, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max))
      return this.#fault(name, `is a whole number from ${String(min)} to ${String(max)}`);
    return number;
  }

  id(name: string): string | undefined {
    const value = this.text(name);
    return value === undefined || isId(value) ? value : this.#fault(name, 'is an id');
  }

  /** An RFC 3339 instant, or epoch ms. */
  instant(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const at = /^\d{1,15}$/.test(value) ? Number(value) : Date.parse(value);
    return Number.isNaN(at) ? this.#fault(name, 'is an instant, as in 2026-12-01T06:00:00Z') : at;
  }

  /** How long to wait, ms; 0 when not asked. */
  waitMs(name = 'wait'): number {
    const value = this.text(name);
    if (value === undefined) return 0;
    const parsed = parseDuration(value);
    if (!parsed.ok) return this.#fault(name, parsed.error) ?? 0;
    return Math.min(parsed.value, LIMITS.waitMs);
  }

  flag(name: string): boolean {
    const value = this.text(name, ['true', 'false', '1', '0', '']);
    return value !== undefined && value !== 'false' && value !== '0';
  }

  /** Throws when anything was wrong. */
  done(): void {
    if (this.#errors.length > 0)
      throw new YardError(rejection('invalid-request', textOf(this.#errors[0]), { errors: this.#errors }));
  }

  #fault(path: string, message: string): undefined {
    this.#errors.push({ path, message });
    return undefined;
  }
}

function textOf(error: FieldError | undefined): string {
  if (error === undefined) return 'a parameter is wrong';
  return error.message.startsWith('there is no') ? error.message : `parameter ${error.path} ${error.message}`;
}

export const DEFAULT_PAGE = 50;

/** A cursor hides the id after which a page starts. */
export function encodeCursor(id: string): string {
  return Buffer.from(`1:${id}`).toString('base64url');
}

export function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const id = text.slice(2);
  if (!text.startsWith('1:') || !isId(id))
    throw new YardError(
      rejection('invalid-request', 'this cursor is not of this list', {
        errors: [{ path: 'cursor', message: 'is not of this list' }],
      }),
    );
  return id;
}
