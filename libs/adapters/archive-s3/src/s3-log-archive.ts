import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { parseSegmentFile, segmentFile, type LogArchive, type SegmentName } from '@yardmaster/ports';
import { S3SnapshotStore } from './s3-snapshot-store.js';

/** Segments as objects of a bucket, `<prefix><stream>/<segment>`. A put is all or nothing, and durable when it is answered. */
export class S3LogArchive implements LogArchive {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly prefix = '',
  ) {}

  /** A store of snapshots beside the segments. */
  snapshots(): S3SnapshotStore {
    return new S3SnapshotStore(this.client, this.bucket, this.prefix);
  }

  /** `s3://bucket/prefix`. Keys, region and endpoint come from the variables that the AWS SDK reads (`AWS_ENDPOINT_URL` for others' stores). */
  static open(address: string): S3LogArchive {
    const { protocol, hostname, pathname } = new URL(address);
    if (protocol !== 's3:' || hostname === '')
      throw new Error(`${address} is no archive: s3://bucket or s3://bucket/prefix`);
    const isElsewhere = process.env['AWS_ENDPOINT_URL'] ?? process.env['AWS_ENDPOINT_URL_S3'];
    const client = new S3Client({ forcePathStyle: isElsewhere !== undefined });
    const folder = pathname.replace(/^\/+|\/+$/g, '');
    return new S3LogArchive(client, hostname, folder === '' ? '' : `${folder}/`);
  }

  async list(stream: string): Promise<readonly SegmentName[]> {
    const folder = this.folder(stream);
    const names: SegmentName[] = [];
    const pages = paginateListObjectsV2({ client: this.client }, { Bucket: this.bucket, Prefix: folder });
    for await (const { Contents = [] } of pages)
      for (const { Key = '' } of Contents) {
        const name = parseSegmentFile(stream, Key.slice(folder.length));
        if (name !== null) names.push(name);
      }
    return names;
  }

  async write(name: SegmentName, bytes: Uint8Array): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: this.bucket, Key: this.key(name), Body: bytes }));
  }

  async read(name: SegmentName): Promise<Uint8Array | null> {
    try {
      const { Body } = await this.client.send(
        new GetObjectCommand({ Bucket: this.bucket, Key: this.key(name) }),
      );
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    } catch (error) {
      if (error instanceof NoSuchKey) return null;
      throw error;
    }
  }

  async drop(name: SegmentName): Promise<void> {
    if (name.isSealed) throw new Error(`a sealed segment stays: ${name.stream} ${segmentFile(name)}`);
    await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: this.key(name) }));
  }

  private key(name: SegmentName): string {
    return `${this.folder(name.stream)}${segmentFile(name)}`;
  }

  private folder(stream: string): string {
    if (!/^[a-z0-9-]+$/.test(stream)) throw new RangeError(`${stream} is no stream's name`);
    return `${this.prefix}${stream}/`;
  }
}
