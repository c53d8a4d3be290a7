import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { BodySpool, SPOOLED_FROM_BYTES } from './body-spool.js';

const directory = mkdtempSync(path.join(tmpdir(), 'yard-spool-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const MIB = 1024 * 1024;
const pieces = (n: number, bytes: number): Readable =>
  Readable.from(
    (function* () {
      for (let i = 0; i < n; i++) yield Buffer.alloc(bytes, 97 + i);
    })(),
    { objectMode: false },
  );

describe('a body', () => {
  it('that is small is collected', async () => {
    const spool = new BodySpool(directory);
    const { bytes } = await spool.read(pieces(3, 2), MIB);
    expect(bytes.toString()).toBe('aabbcc');
    expect((await spool.read(Readable.from([], { objectMode: false }), MIB)).bytes).toHaveLength(0);
    expect(spool.inMemory).toBe(0);
  });

  it('that is large comes back from disk as it was, and leaves no file', async () => {
    const spool = new BodySpool(directory);
    const { bytes, done } = await spool.read(pieces(20, 100_000), 4 * MIB);
    expect(bytes).toHaveLength(2_000_000);
    for (let i = 0; i < 20; i++) expect(bytes[i * 100_000 + 99_999]).toBe(97 + i);
    expect(spool.inMemory).toBe(1);
    done();
    done();
    expect([spool.inMemory, readdirSync(directory)]).toEqual([0, []]);
  });

  it.each([100_000, SPOOLED_FROM_BYTES, 2 * MIB])(
    'over the limit of %i bytes is refused and its sender can still be answered',
    async (limit) => {
      const body = new PassThrough();
      const read = new BodySpool(directory).read(body, limit);
      const sent = setInterval(() => body.write(Buffer.alloc(50_000)), 0);
      await expect(read).rejects.toMatchObject({ code: 'payload-too-large' });
      clearInterval(sent);
      expect(body.destroyed).toBe(false);
      body.destroy();
    },
  );

  it.each([10, MIB])('whose sender left after %i bytes is dropped', async (size) => {
    const spool = new BodySpool(directory);
    const body = new PassThrough();
    const read = spool.read(body, 4 * MIB);
    body.write(Buffer.alloc(size), () => {
      body.destroy();
    });
    body.resume();
    await expect(read).rejects.toMatchObject({ code: 'invalid-request' });
    expect([spool.inMemory, readdirSync(directory)]).toEqual([0, []]);
  });

  it('waits for its turn while two large ones are in memory', async () => {
    const spool = new BodySpool(directory);
    const [first, second] = await Promise.all([
      spool.read(pieces(7, 100_000), MIB),
      spool.read(pieces(7, 100_000), MIB),
    ]);
    let isThere = false;
    const third = spool.read(pieces(7, 100_000), MIB).then((body) => {
      isThere = true;
      return body;
    });
    expect((await spool.read(pieces(1, 9), MIB)).bytes).toHaveLength(9);
    expect(isThere).toBe(false);
    first.done();
    const { done } = await third;
    expect(spool.inMemory).toBe(2);
    done();
    second.done();
    expect(spool.inMemory).toBe(0);
  });
});
