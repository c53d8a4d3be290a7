import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { isSnapshotPlace, type SnapshotStore } from '@yardmaster/ports';

/** Snapshots as objects beside the segments of the log, `<prefix>snapshots/<folder>/<name>`. */
export class S3SnapshotStore implements SnapshotStore {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly prefix = '',
  ) {}

  async list(folder: string): Promise<readonly string[]> {
    const names: string[] = [];
    const place = `${this.#key(folder)}/`;
    const pages = paginateListObjectsV2({ client: this.client }, { Bucket: this.bucket, Prefix: place });
    for await (const { Contents = [] } of pages)
      for (const { Key = '' } of Contents) names.push(Key.slice(place.length));
    return names.filter(isSnapshotPlace).sort();
  }

  async write(folder: string, name: string, bytes: Uint8Array): Promise<void> {
    const Key = this.#key(folder, name);
    await this.client.send(new PutObjectCommand({ Bucket: this.bucket, Key, Body: bytes }));
  }

  async read(folder: string, name: string): Promise<Uint8Array | null> {
    try {
      const { Body } = await this.client.send(
        new GetObjectCommand({ Bucket: this.bucket, Key: this.#key(folder, name) }),
      );
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    } catch (error) {
      if (error instanceof NoSuchKey) return null;
      throw error;
    }
  }

  async drop(folder: string, name: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: this.#key(folder, name) }));
  }

  #key(...parts: readonly string[]): string {
    for (const part of parts)
      if (!isSnapshotPlace(part)) throw new RangeError(`${part} is no name of a snapshot`);
    return `${this.prefix}snapshots/${parts.join('/')}`;
  }
}
