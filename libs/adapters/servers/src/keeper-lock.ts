import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isRunning, processRef, type ProcessRef } from './process-ref.js';

/**
 * One keeper per home. The lock is a file that appears complete (a hard link to a finished one) and names its
 * holder; a holder that no longer runs loses it.
 *
 * @returns false when a living keeper holds it
 */
export function takeLock(directory: string): boolean {
  const lock = path.join(directory, 'keeper.lock');
  const mine = path.join(directory, `keeper.lock.${process.pid}`);
  writeFileSync(mine, JSON.stringify(processRef(process.pid)), { mode: 0o600 });
  try {
    for (let tries = 0; tries < 20; tries++) {
      if (tryLink(mine, lock)) return true;
      const holder = readLock(lock);
      if (holder && isRunning(holder)) return false;
      breakLock(lock);
    }
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

export function dropLock(directory: string): void {
  const lock = path.join(directory, 'keeper.lock');
  if (readLock(lock)?.pid === process.pid) rmSync(lock, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the stale lock aside; should it have become a fresh one meanwhile, puts it back. */
function breakLock(lock: string): void {
  const aside = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch {
    return; // Another one was quicker.
  }
  const moved = readLock(aside);
  if (moved && isRunning(moved)) tryLink(aside, lock);
  rmSync(aside, { force: true });
}

function readLock(file: string): ProcessRef | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRef;
  } catch {
    return undefined;
  }
}
