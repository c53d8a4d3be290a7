import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { describeLogArchive, describeSnapshotStore } from '@yardmaster/testkit';
import S3rver from 's3rver';
import { afterAll, describe, expect, it } from 'vitest';
import { S3LogArchive } from './s3-log-archive.js';

const directory = await mkdtemp(path.join(tmpdir(), 'yard-s3-'));
const server = new S3rver({
  directory,
  port: 0,
  address: '127.0.0.1',
  silent: true,
  configureBuckets: [{ name: 'yard', configs: [] }],
});
const { port } = (await server.run()) as AddressInfo;
const client = new S3Client({
  endpoint: `http://127.0.0.1:${String(port)}`,
  region: 'us-east-1',
  forcePathStyle: true,
  // What the server of these tests knows.
  credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
});
afterAll(async () => {
  client.destroy();
  await server.close();
  await rm(directory, { recursive: true });
});

describeLogArchive('a bucket', () => Promise.resolve(new S3LogArchive(client, 'yard', 'prod/')));
describeSnapshotStore('a bucket', () =>
  Promise.resolve(new S3LogArchive(client, 'yard', 'prod/').snapshots()),
);

describe('a bucket of segments', () => {
  it('takes no notice of what lies beside its prefix', async () => {
    const [one, two] = ['one/', 'two/'].map((prefix) => new S3LogArchive(client, 'yard', prefix));
    const name = { stream: 'ids', first: 1, last: 1, isSealed: true };
    await one?.write(name, Buffer.from('x'));
    expect([await one?.list('ids'), await two?.list('ids')]).toEqual([[name], []]);
  });

  it('says what is no address of one', () => {
    expect(() => S3LogArchive.open('https://example.org/x')).toThrow('is no archive');
  });
});
