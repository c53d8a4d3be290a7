import { describe, expect, it } from 'vitest';
import type { SchedulingSpec } from '../events/index.js';
import { defaultRetry } from '../spec/index.js';
import { compareOrder, effectivePriority, orderKey } from './order-key.js';
import { OrderedHeap } from './ordered-heap.js';

const T = 1_790_000_000_000 - (1_790_000_000_000 % 3_600);
const spec = (change: Partial<SchedulingSpec> = {}): SchedulingSpec => ({
  kind: 'command',
  handler: null,
  resources: {},
  queue: 'default',
  classRank: 2,
  priority: 500,
  strategy: null,
  delayToleranceMs: null,
  capMs: 3_600_000,
  retry: defaultRetry(),
  idempotent: false,
  require: {},
  ...change,
});
const isAhead = (
  a: Partial<SchedulingSpec>,
  aAt: number,
  b: Partial<SchedulingSpec>,
  bAt: number,
  aSeq = 2,
  bSeq = 1,
): boolean => compareOrder(orderKey(spec(a), aAt, aSeq), orderKey(spec(b), bAt, bSeq)) < 0;

describe('the order of tasks', () => {
  it('puts the higher class first, whatever the priority', () => {
    expect(isAhead({ classRank: 3, priority: 0 }, T, { classRank: 2, priority: 1_000 }, T - 1e9)).toBe(true);
  });

  it('puts the higher priority first among tasks that became eligible together', () => {
    expect(isAhead({ priority: 750 }, T, { priority: 500 }, T)).toBe(true);
    expect(isAhead({ priority: 501 }, T, { priority: 500 }, T)).toBe(true);
  });

  it('lets waiting make up for priority: 250 points are a quarter of an hour', () => {
    expect(isAhead({ priority: 250 }, T, { priority: 500 }, T + 901_000 + 3_600)).toBe(true);
    expect(isAhead({ priority: 250 }, T, { priority: 500 }, T + 890_000)).toBe(false);
  });

  it('looks at the latest start, the cap and the submission when the rest is equal', () => {
    expect(isAhead({ delayToleranceMs: 60_000 }, T, {}, T)).toBe(true);
    expect(isAhead({ delayToleranceMs: 60_000 }, T, { delayToleranceMs: 30_000 }, T)).toBe(false);
    expect(isAhead({ capMs: 1_000 }, T, {}, T)).toBe(true);
    expect(isAhead({}, T, {}, T, 2, 1)).toBe(false);
    expect(isAhead({}, T, {}, T, 1, 2)).toBe(true);
    expect(isAhead({ capMs: Infinity }, T, { capMs: Infinity }, T, 1, 2)).toBe(true);
  });

  it('reaches 1000 after an hour and stays there', () => {
    expect(effectivePriority(0, T, T + 3_600_000)).toBe(1_000);
    expect(effectivePriority(500, T, T + 900_000)).toBe(750);
    expect(effectivePriority(750, T, T + 9e9)).toBe(1_000);
    expect(effectivePriority(750, T, T - 5_000)).toBe(750);
  });
});

describe('an ordered heap', () => {
  const heapOf = (...items: number[]): OrderedHeap<number> => {
    const heap = new OrderedHeap<number>((a, b) => a - b);
    for (const item of items) heap.push(item);
    return heap;
  };

  it('is empty at first', () => {
    expect([heapOf().peek(), heapOf().pop(), heapOf().size]).toEqual([undefined, undefined, 0]);
  });

  it('drops what is gone when it comes up', () => {
    const heap = heapOf(5, 1, 4, 2, 3);
    const isGone = (n: number): boolean => n < 3;
    expect(heap.peek()).toBe(1);
    expect(heap.peek(isGone)).toBe(3);
    expect(heap.size).toBe(3);
    expect([heap.pop(isGone), heap.pop(isGone), heap.pop((n) => n === 5), heap.size]).toEqual([
      3,
      4,
      undefined,
      0,
    ]);
  });

  it('can be cleared and cleaned at once', () => {
    const heap = heapOf(9, 8, 7, 6, 5, 4);
    heap.compact((n) => n % 2 === 0);
    expect([...heap.values()].sort()).toEqual([5, 7, 9]);
    expect([heap.pop(), heap.pop(), heap.pop()]).toEqual([5, 7, 9]);
    heap.push(1);
    heap.clear();
    expect(heap.size).toBe(0);
  });
});
