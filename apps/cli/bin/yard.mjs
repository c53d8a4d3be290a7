#!/usr/bin/env node
// The `yard` command of a checkout: finds the pinned Node and the built CLI, and makes them when missing.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const entry = path.resolve(here, '..', 'dist', 'main.js');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (existsSync(entry) && (major > 24 || (major === 24 && minor >= 11))) {
  process.argv[1] = entry;
  await import(entry);
} else {
  const { prepare, runEntry, BuildFailed } = await import('../../../scripts/bootstrap.mjs');
  try {
    await prepare({ build: !existsSync(entry) });
    await runEntry(entry, process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof BuildFailed)) throw error;
    process.exitCode = 1;
  }
}
