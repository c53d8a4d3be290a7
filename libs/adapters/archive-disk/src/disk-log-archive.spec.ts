import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeLogArchive, describeSnapshotStore } from '@yardmaster/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { DiskLogArchive } from './disk-log-archive.js';
import { DiskSnapshotStore } from './disk-snapshot-store.js';

const root = await mkdtemp(path.join(tmpdir(), 'yard-archive-'));
afterAll(async () => {
  await rm(root, { recursive: true });
});

describeLogArchive('a folder', () => Promise.resolve(new DiskLogArchive(path.join(root, 'deep', 'archive'))));
describeSnapshotStore('a folder', () =>
  Promise.resolve(new DiskSnapshotStore(path.join(root, 'deep', 'archive'))),
);

describe('a folder of segments', () => {
  it('takes no notice of what a writer that died left there, nor of what is none of its own', async () => {
    const archive = new DiskLogArchive(path.join(root, 'other'));
    const name = { stream: 'ids', first: 1, last: 1, isSealed: false };
    await archive.write(name, Buffer.from('x'));
    await writeFile(path.join(root, 'other', 'ids', '.half.new'), 'ha');
    await writeFile(path.join(root, 'other', 'ids', 'notes.txt'), 'hello');
    expect(await archive.list('ids')).toEqual([name]);
  });

  it('leaves no draft behind when a segment cannot be written', async () => {
    const archive = new DiskLogArchive(path.join(root, 'third'));
    const name = { stream: 'ids', first: 1, last: 1, isSealed: true };
    await archive.write(name, Buffer.from('x'));
    await expect(archive.write(name, 7 as unknown as Uint8Array)).rejects.toThrow();
    expect(await readdir(path.join(root, 'third', 'ids'))).toHaveLength(1);
  });
});
