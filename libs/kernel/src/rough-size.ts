const ENOUGH = 1 << 20;

/** About how many bytes a JSON value takes when encoded; cheap, never below the text it holds, and stops counting at 1 MiB. */
export function roughSize(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length * 2 + 2;
    case 'number':
      return 9;
    case 'object':
      return value === null ? 1 : sizeOfMany(value);
    default:
      return 1;
  }
}

function sizeOfMany(value: object): number {
  let size = 3;
  if (Array.isArray(value)) {
    for (const item of value) {
      size += roughSize(item);
      if (size > ENOUGH) return size;
    }
    return size;
  }
  for (const key in value) {
    size += key.length * 2 + 2 + roughSize((value as Record<string, unknown>)[key]);
    if (size > ENOUGH) return size;
  }
  return size;
}
