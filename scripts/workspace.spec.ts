import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { packagesAheadOfLock, syncReferences } from './sync-references.mjs';

it('holds every dependency of every package in the lockfile, so that a clean install works', () => {
  expect(packagesAheadOfLock()).toEqual([]);
});

it('names no registry in the lockfile, so that each machine uses its own', () => {
  const lock = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
  expect(lock).not.toMatch(/"resolved": "http/);
});

it('references in TypeScript exactly what a package depends on', () => {
  expect(syncReferences({ check: true })).toEqual([]);
});
