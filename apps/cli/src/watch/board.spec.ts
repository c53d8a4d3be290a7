import type { EventResponse, WorkflowResponse } from '@yardmaster/sdk';
import { expect, it } from 'vitest';
import { Board } from './board.js';

const event = (type: string, task: string, more: object = {}): EventResponse => ({
  type,
  task,
  time: '2026-11-20T10:00:00.000Z',
  ...more,
});

it('a retried task is told from start to end', () => {
  const board = new Board();
  board.add('1', 'known');
  const news = [
    event('LeaseGranted', '1', { attempt: 1 }),
    event('LeaseEnded', '1', { attempt: 1, outcome: 'app', error: 'exit 1' }),
    event('LeaseGranted', '1', { attempt: 2 }),
    event('LeaseEnded', '1', { attempt: 2, outcome: 'ok' }),
    event('TaskSucceeded', '1'),
    event('TaskSucceeded', '1'),
    event('TaskSucceeded', 'of someone else'),
  ].flatMap((e) => board.apply(e).map((change) => change.what));
  expect(news).toEqual(['started', 'attempt 1 ended: exit 1', 'started, attempt 2', 'succeeded']);
  expect(board.count('done')).toBe(1);
});

it('an end that comes before its start is told after it', () => {
  const board = new Board();
  board.add('1', 'quick');
  const news = [
    event('TaskSucceeded', '1', { attempt: 1 }),
    event('LeaseGranted', '1', { attempt: 1 }),
  ].flatMap((e) => board.apply(e).map((change) => change.what));
  expect(news).toEqual(['started', 'succeeded']);
});

it('a failure ends what needs it', () => {
  const board = new Board();
  board.add('1', 'a');
  board.add('2', 'b');
  board.apply(event('TaskFailed', '1', { error: 'exit 3', upstreamFailed: ['2'] }));
  expect(board.all.map((t) => t.state)).toEqual(['failed', 'upstream_failed']);
});

it('what was missed is taken from the whole answer', () => {
  const board = new Board();
  board.add('1', 'a');
  board.add('2', 'b');
  board.apply(event('TaskSucceeded', '1'));
  const tasks = [
    { id: '1', state: 'succeeded', status: 'done' },
    { id: '2', state: 'succeeded', status: 'done' },
  ];
  expect(board.reconcile({ tasks } as unknown as WorkflowResponse).map((c) => c.task.key)).toEqual(['b']);
});
