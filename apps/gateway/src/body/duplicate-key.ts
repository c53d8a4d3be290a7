const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const COMMA = 44;
/** From here on names of one object are kept in a set. */
const FEW = 8;

/** Names of one open object, each by where it stands between its quotes. */
interface Names {
  /** Where each begins and ends, in turn. */
  readonly at: number[];
  /** Any of them is written with a backslash: it may be the same as one that is written otherwise. */
  hasEscapes: boolean;
  set: Set<string> | null;
}

/**
 * First name that an object of this valid JSON text has twice, or null. JSON.parse would silently keep the last. Compares the
 * text in place: a bulk of thousands of tasks has names by the ten thousand, and none is worth a string of its own.
 */
export function findDuplicateKey(json: string): string | null {
  const stack: (Names | null)[] = [];
  const unused: Names[] = [];
  let names: Names | null = null;
  let expectsName = false;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case QUOTE: {
        const end = closingQuote(json, i);
        if (expectsName && names !== null) {
          if (seen(names, json, i + 1, end)) return nameBetween(json, i + 1, end);
          expectsName = false;
        }
        i = end;
        break;
      }
      case OPEN_OBJECT:
        stack.push(names);
        names = unused.pop() ?? { at: [], hasEscapes: false, set: null };
        expectsName = true;
        break;
      case OPEN_ARRAY:
        stack.push(names);
        names = null;
        expectsName = false;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (names !== null) unused.push(emptied(names));
        names = stack.pop() ?? null;
        expectsName = false;
        break;
      case COMMA:
        expectsName = names !== null;
        break;
    }
  }
  return null;
}

function closingQuote(json: string, open: number): number {
  for (;;) {
    const end = json.indexOf('"', open + 1);
    if (end < 0) return json.length;
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    open = end;
  }
}

function nameBetween(json: string, begin: number, end: number): string {
  const raw = json.slice(begin, end);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function seen(names: Names, json: string, begin: number, end: number): boolean {
  const { at } = names;
  names.hasEscapes ||= hasBackslash(json, begin, end);
  if (names.set === null && (names.hasEscapes || at.length >= FEW * 2)) {
    names.set = new Set();
    for (let k = 0; k < at.length; k += 2) names.set.add(nameBetween(json, at[k]!, at[k + 1]!));
  }
  if (names.set !== null) {
    const name = nameBetween(json, begin, end);
    if (names.set.has(name)) return true;
    names.set.add(name);
    return false;
  }
  for (let k = 0; k < at.length; k += 2) if (isSame(json, at[k]!, at[k + 1]!, begin, end)) return true;
  at.push(begin, end);
  return false;
}

function isSame(json: string, begin: number, end: number, other: number, otherEnd: number): boolean {
  if (end - begin !== otherEnd - other) return false;
  for (let i = begin, k = other; i < end; i++, k++)
    if (json.charCodeAt(i) !== json.charCodeAt(k)) return false;
  return true;
}

function hasBackslash(json: string, begin: number, end: number): boolean {
  for (let i = begin; i < end; i++) if (json.charCodeAt(i) === BACKSLASH) return true;
  return false;
}

function emptied(names: Names): Names {
  names.at.length = 0;
  names.hasEscapes = false;
  names.set = null;
  return names;
}
