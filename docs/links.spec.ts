import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, source } from './generate/markdown.js';
import { pages } from './pages.js';

describe('links of the docs', () => {
  it.each(pages())('of %s lead somewhere', (page) => {
    const prose = source(page).replace(/^( *)(`{3,})[\s\S]*?^\1\2$/gm, '');
    const broken = [...prose.matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)]
      .map((match) => match[1] ?? match[2] ?? '')
      .filter((target) => !/^(https?:|mailto:)/.test(target) && isBroken(page, target));
    expect(broken).toEqual([]);
  });

  it('reach every page of docs/ from its index', () => {
    const reached = new Set<string>();
    const queue = ['docs/README.md'];
    for (let page = queue.pop(); page !== undefined; page = queue.pop()) {
      if (reached.has(page)) continue;
      reached.add(page);
      for (const match of source(page).matchAll(/\]\(([^)\s#]+\.md)(?:#[^)]*)?\)/g)) {
        const target = path.posix.join(path.posix.dirname(page), match[1] ?? '');
        if (existsSync(path.join(ROOT, target))) queue.push(target);
      }
    }
    expect(pages().filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([]);
  });
});

function isBroken(page: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const full = path.posix.join(path.posix.dirname(page), file === '' ? path.posix.basename(page) : file);
  if (!existsSync(path.join(ROOT, full))) return true;
  return anchor !== undefined && full.endsWith('.md') && !anchorsOf(full).has(anchor);
}

/** Names that headings get when they are shown. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...source(page).matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}
