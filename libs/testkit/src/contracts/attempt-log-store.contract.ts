import type { AttemptLogStore, LogStreamName } from '@yardmaster/ports';
import { beforeAll, describe, expect, it } from 'vitest';

const bytes = (content: string): Uint8Array => Buffer.from(content);
const ALL = 1_000_000;

/** What every store of attempts' output promises. `start` gives one more store over the same content. */
export function describeAttemptLogStore(name: string, start: () => Promise<AttemptLogStore>): void {
  describe(`${name} as a store of output`, () => {
    let store: AttemptLogStore;
    let task = '';
    let count = 7_000_000_000_000;
    beforeAll(async () => {
      store = await start();
    });

    const fresh = (): string => (task = String(++count));
    const text = async (stream: LogStreamName = 'stdout', offset = 0, limit = ALL): Promise<string> =>
      Buffer.from(await store.read(1, task, 1, stream, offset, limit)).toString();

    it('appends and reads any part', async () => {
      fresh();
      expect(await store.append(1, task, 1, 'stdout', 0, bytes('hello '))).toBe(6);
      expect(await store.append(1, task, 1, 'stdout', 6, bytes('world'))).toBe(11);
      expect(await text()).toBe('hello world');
      expect(await text('stdout', 6, 3)).toBe('wor');
      expect(await text('stdout', 11)).toBe('');
      expect(await text('stdout', 500)).toBe('');
    });

    it('leaves what is there when it is sent again, with more after it', async () => {
      fresh();
      await store.append(1, task, 1, 'stdout', 0, bytes('abc'));
      expect(await store.append(1, task, 1, 'stdout', 0, bytes('abc'))).toBe(3);
      expect(await store.append(1, task, 1, 'stdout', 1, bytes('XXdef'))).toBe(6);
      expect(await text()).toBe('abcdef');
    });

    it('writes nothing past the end and says where the end is', async () => {
      fresh();
      await store.append(1, task, 1, 'stdout', 0, bytes('abc'));
      expect(await store.append(1, task, 1, 'stdout', 10, bytes('later'))).toBe(3);
      expect(await text()).toBe('abc');
    });

    it('keeps streams, attempts, tasks and tenants apart', async () => {
      fresh();
      await store.append(1, task, 1, 'stdout', 0, bytes('out'));
      await store.append(1, task, 1, 'stderr', 0, bytes('err'));
      await store.append(1, task, 2, 'stdout', 0, bytes('again'));
      await store.append(2, task, 1, 'stdout', 0, bytes('other'));
      expect(await text('stdout')).toBe('out');
      expect(await text('stderr')).toBe('err');
      expect(Buffer.from(await store.read(2, task, 1, 'stdout', 0, ALL)).toString()).toBe('other');
    });

    it('takes many appends of one stream at once, in the order they were made', async () => {
      fresh();
      const parts = Array.from({ length: 50 }, (_, at) => `line ${String(at).padStart(2, '0')}\n`);
      await Promise.all(parts.map((part, at) => store.append(1, task, 1, 'stdout', at * 8, bytes(part))));
      expect(await text()).toBe(parts.join(''));
    });

    it('has nothing for what was never written', async () => {
      fresh();
      expect(await text()).toBe('');
    });

    it('refuses what is no task, attempt, tenant, stream or offset', async () => {
      fresh();
      const b = bytes('x');
      for (const odd of ['', '../1', '1/2', 'abc', '-1', '0x1', '1'.repeat(40)]) {
        await expect(store.append(1, odd, 1, 'stdout', 0, b)).rejects.toThrow(RangeError);
        expect((await store.read(1, odd, 1, 'stdout', 0, ALL)).byteLength).toBe(0);
      }
      await expect(store.append(-1, task, 1, 'stdout', 0, b)).rejects.toThrow(RangeError);
      await expect(store.append(1, task, 1.5, 'stdout', 0, b)).rejects.toThrow(RangeError);
      await expect(store.append(1, task, 1, '../x' as LogStreamName, 0, b)).rejects.toThrow(RangeError);
      await expect(store.append(1, task, 1, 'stdout', -1, b)).rejects.toThrow(RangeError);
    });

    it('keeps output for those who come later', async () => {
      fresh();
      await store.append(1, task, 1, 'stdout', 0, bytes('kept'));
      const later = await start();
      expect(Buffer.from(await later.read(1, task, 1, 'stdout', 0, ALL)).toString()).toBe('kept');
    });
  });
}
