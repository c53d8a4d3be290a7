import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BLOCKS, blocksOf, fillBlocks } from './generate/blocks.js';
import { VARIABLES, variablesInCode } from './generate/configuration.js';
import { ROOT, source } from './generate/markdown.js';
import { pages } from './pages.js';

/** Set by scripts/gen-reference.mjs. */
const isWriting = process.env['YARD_DOCS_WRITE'] === '1';

describe('the reference pages', () => {
  const withBlocks = pages().filter((page) => blocksOf(source(page)).length > 0);

  it.each(withBlocks)(
    '%s says what the code says; `node scripts/gen-reference.mjs` brings it up to date',
    (page) => {
      const wanted = fillBlocks(source(page));
      if (isWriting) writeFileSync(path.join(ROOT, page), wanted);
      expect(source(page)).toBe(wanted);
    },
  );

  it('hold every generated block once', () => {
    expect(withBlocks.flatMap((page) => blocksOf(source(page))).sort()).toEqual(Object.keys(BLOCKS).sort());
  });

  it('name every figure that the bench prints, and no other', () => {
    const benches = readdirSync(path.join(ROOT, 'test/bench'))
      .map((file) => source(`test/bench/${file}`))
      .join('');
    const groups = '(?:accept|noop|latency|script|xargs|dag|chain|idle|takeover)';
    const namesIn = (text: string, quote: string): string[] =>
      [
        ...new Set(
          [...text.matchAll(new RegExp(`${quote}(${groups}\\.[a-z0-9.]+)${quote}`, 'g'))].map(
            (match) => match[1] ?? '',
          ),
        ),
      ].sort();
    expect(namesIn(source('docs/reference/performance.md'), '`')).toEqual(namesIn(benches, "'"));
  });

  it('name every environment variable that the code reads, and no other', () => {
    const ignored = new Set(['YARD_DOCS_WRITE']);
    const inCode = [...variablesInCode()].filter((name) => !ignored.has(name)).sort();
    expect(VARIABLES.map(({ name }) => name).sort()).toEqual(inCode);
  });
});
