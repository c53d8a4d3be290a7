import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeAttemptLogStore, describeBlobStore } from '@yardmaster/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { DiskAttemptLogStore, DiskBlobStore } from './index.js';

const root = mkdtempSync(path.join(tmpdir(), 'yard-blobs-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describeBlobStore('a directory', () => Promise.resolve(new DiskBlobStore(root)));
describeAttemptLogStore('a directory', () => Promise.resolve(new DiskAttemptLogStore(root)));

describe('blobs on disk', () => {
  it('lie under their tenant, readable by their owner only, with nothing temporary left', async () => {
    const sha = await new DiskBlobStore(root).put(3, Buffer.from('here'));
    const file = path.join(root, 'blobs', '3', sha.slice(0, 2), sha);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(path.join(root, 'tmp'))).toEqual([]);
  });

  it('are refused when the disk gives back something else', async () => {
    const blobs = new DiskBlobStore(root);
    const sha = await blobs.put(3, Buffer.from('true'));
    writeFileSync(path.join(root, 'blobs', '3', sha.slice(0, 2), sha), 'lies');
    await expect(blobs.get(3, sha)).rejects.toMatchObject({ code: 'blob-damaged', sha256: sha });
  });

  it('are written again when half of one was left by a crash of the file system', async () => {
    const sha = await new DiskBlobStore(root).put(4, Buffer.from('complete'));
    writeFileSync(path.join(root, 'blobs', '4', sha.slice(0, 2), sha), 'comp');
    const after = new DiskBlobStore(root);
    await after.put(4, Buffer.from('complete'));
    expect(Buffer.from((await after.get(4, sha)) ?? []).toString()).toBe('complete');
  });

  it('keep fresh temporary files of others when they sweep', async () => {
    writeFileSync(path.join(root, 'tmp', 'fresh'), '');
    const blobs = new DiskBlobStore(root);
    await blobs.sweep(Date.now());
    expect(readdirSync(path.join(root, 'tmp'))).toEqual(['fresh']);
    await blobs.sweep(Date.now() + 25 * 3_600_000);
    expect(readdirSync(path.join(root, 'tmp'))).toEqual([]);
  });
});
