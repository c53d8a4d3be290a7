import { asTaskId, type TaskId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PackedBlock } from './packed-block.js';
import { joinId, PackedIds, splitId } from './packed-ids.js';
import { PackedMap } from './packed-map.js';

interface Item {
  readonly id: TaskId;
  n: number;
}

class PackedItems extends PackedBlock<Item> {
  readonly #n: readonly number[];

  constructor(items: readonly Item[]) {
    super(items.map(({ id }) => id));
    this.#n = items.map(({ n }) => n);
  }

  at(row: number): Item {
    return { id: this.idAt(row), n: this.#n[row] ?? NaN };
  }
}

const anyId = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map(String);
/** Of a few milliseconds: most collide in what stands before the last digits. */
const nearId = fc.bigInt({ min: 4n * 10n ** 17n, max: 4n * 10n ** 17n + 5_000n }).map(String);

describe('packed ids', () => {
  it('are found and told again, and no others', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(anyId, nearId), { minLength: 1, maxLength: 200 }),
        fc.array(fc.oneof(anyId, nearId), { maxLength: 50 }),
        (ids, others) => {
          const packed = new PackedIds(ids);
          for (const [row, id] of ids.entries()) {
            expect(packed.find(splitId(id))).toBe(row);
            expect(packed.at(row)).toBe(id);
          }
          for (const id of others) expect(packed.find(splitId(id))).toBe(ids.indexOf(id));
        },
      ),
    );
  });

  it('are split and joined without a loss', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        const { upper, lower } = splitId(id);
        expect(joinId(upper, lower)).toBe(id);
      }),
    );
    expect(joinId(1, 7)).toBe('1000000007');
  });
});

describe('a packed map', () => {
  it('is a map, whatever is packed when', () => {
    const some = fc.nat(40).map((n) => asTaskId(String(400_000_000_000_000_000n + BigInt(n) * 7n)));
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('set' as const), id: some }),
        fc.record({ do: fc.constant('change' as const), id: some }),
        fc.record({ do: fc.constant('peek' as const), id: some }),
        fc.record({ do: fc.constant('delete' as const), id: some }),
        fc.record({ do: fc.constant('pack' as const), ids: fc.uniqueArray(some, { maxLength: 10 }) }),
      ),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const plain = new Map<TaskId, number>();
        const map = new PackedMap<Item>();
        for (const [i, step] of taken.entries()) {
          if (step.do === 'pack') {
            const items = step.ids.map((id) => map.peek(id)).filter((item) => item !== undefined);
            const own = items.filter((item) => map.owns(item));
            if (own.length > 0) map.pack(new PackedItems(own));
            for (const item of own) expect(map.owns(item)).toBe(false);
          } else if (step.do === 'set') {
            if (map.has(step.id)) continue;
            map.set(step.id, { id: step.id, n: i });
            plain.set(step.id, i);
          } else if (step.do === 'change') {
            const item = map.get(step.id);
            expect(item?.n).toBe(plain.get(step.id));
            if (item === undefined) continue;
            item.n = i;
            plain.set(step.id, i);
          } else if (step.do === 'peek') {
            expect(map.peek(step.id)?.n).toBe(plain.get(step.id));
          } else {
            expect(map.delete(step.id)).toBe(plain.delete(step.id));
          }
          expect(map.size).toBe(plain.size);
          expect([...map].map(([id, { n }]) => [id, n]).sort()).toEqual([...plain].sort());
          expect([...map.keys()].sort()).toEqual([...plain.keys()].sort());
        }
      }),
    );
  });
});
