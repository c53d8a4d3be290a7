const SUSPECT = /\\u(?:0000|[dD][89a-fA-F])/;

/** JSON that jsonb takes: no U+0000 and no half surrogates, whatever a task answered. `null` stays null. */
export function jsonText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
    if (text === undefined) return null;
    if (!SUSPECT.test(text)) return text;
  } catch {
    // A value that JSON does not know, such as a BigInt: the replacer below tells it in words.
  }
  try {
    return JSON.stringify(value, (_, part: unknown) => plain(part)) ?? null;
  } catch (error) {
    return JSON.stringify({ unreadable: (error as Error).message });
  }
}

function plain(part: unknown): unknown {
  if (typeof part === 'string') return clean(part);
  if (typeof part === 'bigint') return part.toString();
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [clean(key), value]));
}

function clean(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}
