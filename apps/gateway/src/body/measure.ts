/** Rough size of a JSON value in bytes and how deep it goes; stops looking beyond `enough` bytes or `deepest` levels. */
export interface Measure {
  readonly bytes: number;
  readonly tooDeep: boolean;
}

export function measureJson(value: unknown, enough: number, deepest: number): Measure {
  const state = { bytes: 0, tooDeep: false };
  walk(value, 0, enough, deepest, state);
  return state;
}

function walk(
  value: unknown,
  level: number,
  enough: number,
  deepest: number,
  state: { bytes: number; tooDeep: boolean },
): void {
  if (typeof value === 'string') {
    state.bytes += value.length + 2;
    return;
  }
  if (typeof value !== 'object' || value === null) {
    state.bytes += 5;
    return;
  }
  if (level >= deepest) {
    state.tooDeep = true;
    return;
  }
  state.bytes += 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      state.bytes += 1;
      walk(item, level + 1, enough, deepest, state);
      if (state.tooDeep || state.bytes > enough) return;
    }
    return;
  }
  for (const name in value) {
    state.bytes += name.length + 4;
    walk((value as Record<string, unknown>)[name], level + 1, enough, deepest, state);
    if (state.tooDeep || state.bytes > enough) return;
  }
}
