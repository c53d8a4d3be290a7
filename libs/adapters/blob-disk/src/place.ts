import path from 'node:path';
import type { LogStreamName } from '@yardmaster/ports';

/** Where things lie under the store's directory. Nothing that comes from outside becomes a path unless it is here. */

const SHA256 = /^[0-9a-f]{64}$/;
const TASK_ID = /^[1-9][0-9]{0,18}$/;
/** Ids grow with time: what is left without these digits changes about twice a minute. */
const DIGITS_WITHIN_FOLDER = 11;

/** null when `sha256` is none. */
export function blobPlace(root: string, tenant: number, sha256: string): string | null {
  if (!SHA256.test(sha256) || !isCount(tenant)) return null;
  return path.join(root, 'blobs', String(tenant), sha256.slice(0, 2), sha256);
}

/** null when one of them is not what it should be. */
export function logPlace(
  root: string,
  tenant: number,
  task: string,
  attempt: number,
  stream: LogStreamName,
): string | null {
  if (!isCount(tenant) || !isCount(attempt) || !TASK_ID.test(task)) return null;
  if (!['stdout', 'stderr'].includes(stream)) return null;
  const folder = task.slice(0, -DIGITS_WITHIN_FOLDER) || '0';
  return path.join(root, 'logs', String(tenant), folder, task, `${String(attempt)}.${stream}`);
}

export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
