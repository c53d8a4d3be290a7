const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const COMMA = 44;
/** From here on names of one object are kept in a set. */
const FEW = 8;

interface Names {
  list: string[];
  set: Set<string> | null;
}

/** First name that an object of this valid JSON text has twice, or null. JSON.parse would silently keep the last. */
export function findDuplicateKey(json: string): string | null {
  const stack: (Names | null)[] = [];
  let names: Names | null = null;
  let expectsName = false;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case QUOTE: {
        const end = closingQuote(json, i);
        if (expectsName && names !== null) {
          const name = nameBetween(json, i, end);
          if (seen(names, name)) return name;
          expectsName = false;
        }
        i = end;
        break;
      }
      case OPEN_OBJECT:
        stack.push(names);
        names = { list: [], set: null };
        expectsName = true;
        break;
      case OPEN_ARRAY:
        stack.push(names);
        names = null;
        expectsName = false;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
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

function nameBetween(json: string, open: number, end: number): string {
  const raw = json.slice(open + 1, end);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function seen(names: Names, name: string): boolean {
  if (names.set !== null) {
    if (names.set.has(name)) return true;
    names.set.add(name);
    return false;
  }
  if (names.list.includes(name)) return true;
  names.list.push(name);
  if (names.list.length > FEW) names.set = new Set(names.list);
  return false;
}
