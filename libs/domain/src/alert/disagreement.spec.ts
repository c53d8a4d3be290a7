import { describe, expect, it } from 'vitest';
import { DisagreementBook, disagreementOf, type Views } from './disagreement.js';

const LEASE_MS = 30_000;
const running: Views = {
  owner: { state: 'running', isEnded: false, fence: 5 },
  queue: 'leased',
  resources: { entry: 'leased', fence: 5, ttlMs: LEASE_MS },
};
const ended: Views['owner'] = { state: 'succeeded', isEnded: true, fence: null };
const queued: Views['owner'] = { state: 'queued', isEnded: false, fence: null };
const none: Views['resources'] = { entry: null, fence: null, ttlMs: 0 };

describe('those who know a task', () => {
  it.each<[string, Views]>([
    ['it runs', running],
    ['it is being cancelled', { ...running, owner: { state: 'cancelling', isEnded: false, fence: 5 } }],
    ['it waits for a worker', { owner: queued, queue: 'visible', resources: { ...none, entry: 'visible' } }],
    [
      'it backs off',
      {
        owner: { ...queued, state: 'backing_off' },
        queue: 'backing_off',
        resources: { ...none, entry: 'out' },
      },
    ],
    ['it waits for a batch', { owner: { ...queued, state: 'ready' }, queue: null, resources: none }],
    ['it has ended', { owner: ended, queue: null, resources: none }],
    ['nobody remembers it', { owner: null, queue: null, resources: none }],
  ])('agree when %s', (_, views) => {
    expect(disagreementOf(views)).toBeNull();
  });

  it.each<[Partial<Views>, string, string]>([
    [
      { owner: ended },
      'as succeeded, and the resource manager holds a lease',
      'restart the resource-manager',
    ],
    [
      { owner: null },
      'does not know it, and the resource manager holds a lease',
      'restart the resource-manager',
    ],
    [
      { owner: ended, resources: none },
      'as succeeded, and the queue keeps it as leased',
      'the queue-manager',
    ],
    [{ resources: none }, 'waits for an attempt, and the resource manager holds no lease', 'force-end'],
    [
      { resources: { ...running.resources, fence: 6 } },
      'waits for an attempt, and the resource manager holds a lease that its owner does not know',
      'force-end',
    ],
    [{ owner: queued }, 'knows no live attempt, and the resource manager holds a lease', 'force-end'],
    [{ queue: 'done' }, 'holds a lease for it, and the queue has it as done', 'force-end'],
    [{ queue: null }, 'holds a lease for it, and the queue does not hold it', 'force-end'],
    [{ owner: queued, resources: none }, 'takes it for running, and the resource manager', 'force-end'],
    [
      { owner: queued, queue: 'visible', resources: none },
      'does not know it',
      'restart the resource-manager',
    ],
    [
      { owner: queued, queue: null, resources: none },
      'as queued, and the queue does not hold it',
      'force-end',
    ],
  ])('disagree about %j', (more, what, action) => {
    const found = disagreementOf({ ...running, ...more });
    expect(found?.what).toContain(what);
    expect(found?.action).toContain(action);
  });
});

describe('a contradiction', () => {
  const wrong: Views = { ...running, resources: none };

  it('counts only when it has stood unchanged for the time of a lease and more', () => {
    const book = new DisagreementBook(LEASE_MS);
    book.saw('7', wrong, 0);
    book.saw('7', wrong, 45_000);
    expect(book.stuck(59_999)).toEqual([]);
    expect(book.stuck(60_000)).toMatchObject([{ task: '7', sinceMs: 60_000 }]);
  });

  it('that becomes another one begins anew, and one that is over is forgotten', () => {
    const book = new DisagreementBook(LEASE_MS);
    book.saw('7', wrong, 0);
    book.saw('7', { ...running, owner: queued }, 50_000);
    expect(book.stuck(100_000)).toEqual([]);
    book.saw('7', running, 100_000);
    expect([book.stuck(200_000), book.tasks()]).toEqual([[], []]);
  });

  it('about a longer lease has to stand for longer', () => {
    const book = new DisagreementBook(LEASE_MS);
    book.saw('7', { ...running, owner: queued, resources: { ...running.resources, ttlMs: 300_000 } }, 0);
    expect(book.stuck(329_999)).toEqual([]);
    expect(book.stuck(330_000)).toHaveLength(1);
  });
});
