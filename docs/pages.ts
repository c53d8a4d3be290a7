import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './generate/markdown.js';

/** Every Markdown page for readers, from the root, with `/`. */
export function pages(): string[] {
  const rootPages = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const under = ['docs', 'deploy', 'examples'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => `${folder}/${name.split(path.sep).join('/')}`),
  );
  return [...rootPages, ...under].sort();
}
