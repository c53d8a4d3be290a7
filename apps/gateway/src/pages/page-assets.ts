import { readFile } from 'node:fs/promises';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};
/** The pages lie beside the package's source, as they are. */
const FILES: Readonly<Record<string, URL>> = Object.fromEntries(
  ['status.html', 'status.js', 'docs.html', 'docs.js', 'page.css'].map((file) => [
    file,
    new URL(`../../assets/${file}`, import.meta.url),
  ]),
);
const read = new Map<string, Buffer>();

/** A file of the pages, or null when there is none of this name. */
export async function readPageAsset(
  file: string,
): Promise<{ readonly type: string; readonly body: Buffer } | null> {
  const url = Object.hasOwn(FILES, file) ? FILES[file] : undefined;
  if (url === undefined) return null;
  let body = read.get(file);
  if (body === undefined) read.set(file, (body = await readFile(url)));
  return { type: TYPES[file.slice(file.lastIndexOf('.') + 1)] ?? 'application/octet-stream', body };
}
