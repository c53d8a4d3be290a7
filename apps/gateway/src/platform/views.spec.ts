import { commands, type Verification } from '@yardmaster/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeBus, no, ok } from '../testing/fake-yard.js';
import { Views } from './views.js';

const told = (more: Partial<Verification> = {}): Verification => ({
  state: 'done',
  equal: true,
  events: 10,
  seconds: 1,
  parts: [],
  error: null,
  ...more,
});

let bus: FakeBus;
let views: Views;
beforeEach(() => {
  bus = new FakeBus();
  views = new Views(bus);
});

describe('what an operator does with the views', () => {
  it('waits for both verifications under one name, and says whether both are equal', async () => {
    let looks = 0;
    bus.answers.set(commands.projector('relational'), () =>
      ok(++looks < 2 ? told({ state: 'running', equal: null }) : told()),
    );
    bus.answers.set(commands.projector('graph'), () => ok(told({ equal: false })));
    const answer = await views.verify();
    expect(answer).toMatchObject({ state: 'done', equal: false, relational: { equal: true } });
    const runs = new Set(bus.asked.map(({ body }) => (body as { run: string }).run));
    expect([...runs]).toEqual([answer.run]);
    expect((await views.verify('mine')).run).toBe('mine');
  });

  it('leaves out a view that nobody keeps, and is unavailable when there is none', async () => {
    bus.answers.set(commands.projector('relational'), () => ok(told()));
    expect(await views.verify()).toMatchObject({ equal: true, graph: null });
    bus.answers.clear();
    await expect(views.verify()).rejects.toThrow(/no projector answers/);
    await expect(views.rebuild()).rejects.toThrow(/no projector answers/);
  });

  it('is not equal when one of them failed', async () => {
    bus.answers.set(commands.projector('relational'), () => ok(told()));
    bus.answers.set(commands.projector('graph'), () =>
      ok(told({ state: 'failed', equal: null, error: 'gone' })),
    );
    expect(await views.verify()).toMatchObject({ state: 'failed', equal: null });
  });

  it('names the views that are made anew, and passes a refusal on', async () => {
    bus.answers.set(commands.projector('graph'), () => ok(null));
    expect(await views.rebuild()).toEqual({ rebuilding: ['graph'] });
    bus.answers.set(commands.projector('relational'), () => no('conflict', 'it is being verified'));
    await expect(views.rebuild()).rejects.toThrow(/being verified/);
  });
});
