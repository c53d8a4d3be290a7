import { INLINE_LIMIT } from '@yardmaster/contracts';

/** A handler's result on its way into a report. */
export type PreparedResult =
  | { readonly kind: 'inline'; readonly value: unknown }
  | { readonly kind: 'blob'; readonly bytes: Buffer }
  /** It is no JSON. */
  | { readonly kind: 'refused'; readonly reason: string };

const NOTHING: PreparedResult = { kind: 'inline', value: null };

/** Strings have at most three bytes of UTF-8 a unit, numbers at most 24 characters: small plain values need no encoding to be measured. */
export function prepareResult(value: unknown): PreparedResult {
  if (value === undefined || value === null) return NOTHING;
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return { kind: 'inline', value };
  if (typeof value === 'string' && value.length * 6 < INLINE_LIMIT) return { kind: 'inline', value };
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) };
  }
  if (text === undefined) return { kind: 'refused', reason: `a ${typeof value} has no JSON form` };
  if (text.length * 3 > INLINE_LIMIT && Buffer.byteLength(text) > INLINE_LIMIT)
    return { kind: 'blob', bytes: Buffer.from(text) };
  // Through the text, so that what arrives is what JSON can say: no dates, no class instances, no undefined.
  return { kind: 'inline', value: typeof value === 'object' ? (JSON.parse(text) as unknown) : value };
}
