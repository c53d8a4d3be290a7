import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT, source } from './markdown.js';

export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

const SKIPPED = new Set(['node_modules', 'dist', '.nx', '.yard']);

/** The TypeScript and JavaScript of these folders, without specs and what is only for tests. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => walk(folder)).map((file) => ({ path: file, text: source(file) }));
}

function walk(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : walk(file);
    return /\.(ts|mts|mjs|js)$/.test(entry.name) && !/\.(spec|contract)\.|\.d\.ts$/.test(entry.name)
      ? [file]
      : [];
  });
}
