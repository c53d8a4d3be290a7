import { createHash } from 'node:crypto';
import type { BlobStore } from '@yardmaster/ports';
import { beforeAll, describe, expect, it } from 'vitest';

const bytes = (content: string): Uint8Array => Buffer.from(content);
const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** What every blob store promises. `start` gives one more store over the same content at each call. */
export function describeBlobStore(name: string, start: () => Promise<BlobStore>): void {
  describe(`${name} as a blob store`, () => {
    let store: BlobStore;
    beforeAll(async () => {
      store = await start();
    });

    it('gives back what was put, under its hash', async () => {
      const content = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7) % 256);
      const sha = await store.put(1, content);
      expect(sha).toBe(sha256(content));
      expect(Buffer.from((await store.get(1, sha)) ?? []).equals(content)).toBe(true);
    });

    it('keeps empty content', async () => {
      const sha = await store.put(1, new Uint8Array(0));
      expect((await store.get(1, sha))?.byteLength).toBe(0);
    });

    it('keeps content for those who come later', async () => {
      const sha = await store.put(1, bytes('kept'));
      const later = await start();
      expect(Buffer.from((await later.get(1, sha)) ?? []).toString()).toBe('kept');
    });

    it('takes the same content again, and at the same time', async () => {
      const other = await start();
      const puts = [store, other, store, other].map((each) => each.put(1, bytes('same')));
      const shas = new Set(await Promise.all(puts));
      expect([...shas]).toEqual([sha256(bytes('same'))]);
      expect(await store.put(1, bytes('same'))).toBe(sha256(bytes('same')));
    });

    it('shows no tenant the content of another', async () => {
      const sha = await store.put(1, bytes('mine'));
      expect(await store.get(2, sha)).toBeNull();
    });

    it('has nothing under names that are no hashes', async () => {
      const odd = ['', '..', '../../etc/passwd', 'A'.repeat(64), `${'a'.repeat(63)}/`, `${'a'.repeat(64)}\0`];
      for (const name of [...odd, 'a'.repeat(64)]) expect(await store.get(1, name)).toBeNull();
    });

    it('refuses a tenant that is no number', async () => {
      for (const tenant of [-1, 1.5, Number.NaN, '../1' as unknown as number]) {
        await expect(store.put(tenant, bytes('x'))).rejects.toThrow(RangeError);
      }
    });
  });
}
