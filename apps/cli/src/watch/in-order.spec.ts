import type { EventResponse } from '@yardmaster/sdk';
import { expect, it } from 'vitest';
import { InOrder } from './in-order.js';

const at = (ms: number, type: string): EventResponse => ({ type, time: new Date(ms).toISOString() });

it('events of one moment are told by their time, those of one instant with ends before starts', () => {
  const told: string[] = [];
  const inOrder = new InOrder(({ type }) => told.push(type));
  inOrder.take([at(20, 'LeaseGranted'), at(30, 'x')]);
  inOrder.take([at(10, 'parent starts'), at(20, 'parent ends')]);
  inOrder.flush();
  expect(told).toEqual(['parent starts', 'parent ends', 'LeaseGranted', 'x']);
  inOrder.flush();
  expect(told).toHaveLength(4);
});
