import { describe, expect, it } from 'vitest';
import { parseSpec, specText } from './spec-text.js';

describe('what a launcher is told', () => {
  const spec = {
    argv: ['sh', '', '-c', 'x=y'],
    cwd: '/a b',
    env: [
      ['A', '1'],
      ['YARD_OUTPUT', 'of the user'],
      ['B', 'x=y\n'],
      ['YARD_OUTPUT', '/io/1.output'],
    ] as const,
  };
  const text = specText(spec, { spentMs: 12, startedAt: 1_700_000_000_000 });

  it('tells the next agent which attempt it was, of equal names the last', () => {
    const parsed = parseSpec(text)!;
    expect([parsed.spentMs, parsed.startedAt]).toEqual([12, 1_700_000_000_000]);
    expect(Object.fromEntries(parsed.env)).toEqual({ A: '1', B: 'x=y\n', YARD_OUTPUT: '/io/1.output' });
  });

  it('tells nothing when it is not all there, or of another version', () => {
    for (const one of ['', '\0', text.slice(0, 40), '/a b\0' + '0\0' + 'sh\0'])
      expect(parseSpec(one)).toBeNull();
  });
});
