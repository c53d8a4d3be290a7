import { CellScript, submittedTask } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import { GraphFold } from './graph-fold.js';

describe('the fold of graphs', () => {
  it('lets lone tasks pass without a trace', () => {
    const script = new CellScript();
    script.life(0, { failures: ['app'], end: 'succeeded' });
    expect(new GraphFold().fold(script.of('tasks-0'))).toEqual({
      tasks: [],
      mentioned: [],
      edges: [],
      states: [],
    });
  });

  it('tells a workflow in one go: its tasks as they are at the end, and who waits for whom', () => {
    const script = new CellScript();
    const { id, tasks } = script.chain(0, 3, 'succeeded');
    const changes = new GraphFold().fold(script.of('tasks-0'));
    expect(
      changes.tasks.map(({ id: task, workflow, key, rank, state }) => [task, workflow, key, rank, state]),
    ).toEqual(tasks.map((task, i) => [task, id, `step ${String(i)}`, i, 'succeeded']));
    expect(changes.edges).toEqual([
      { from: tasks[0], to: tasks[1], kind: 'afterOk' },
      { from: tasks[1], to: tasks[2], kind: 'afterOk' },
    ]);
    expect(changes.states).toEqual([]);
  });

  it('tells later states of what it told before', () => {
    const script = new CellScript();
    const { tasks } = script.chain(0, 3, 'failed');
    const fold = new GraphFold();
    const [submission, ...rest] = script.of('tasks-0');
    expect(fold.fold([submission!]).tasks.map(({ state }) => state)).toEqual(['ready', 'blocked', 'blocked']);
    expect(fold.fold(rest).states).toEqual([
      { id: tasks[0], state: 'failed' },
      { id: tasks[1], state: 'upstream_failed' },
      { id: tasks[2], state: 'upstream_failed' },
    ]);
  });

  it('mentions a lone parent once, and follows it from then on', () => {
    const script = new CellScript();
    const [parent, child, other] = [script.nextId(0), script.nextId(0), script.nextId(0)];
    script.tasks(0, [submittedTask(parent)]);
    script.tasks(0, [submittedTask(child, { needs: [parent, parent], open: 1, rank: 1 })]);
    script.tasks(0, [
      submittedTask(other, { needs: [parent], open: 1, rank: 1, dueAt: Date.UTC(2030, 0, 1) }),
    ]);
    const fold = new GraphFold();
    const changes = fold.fold(script.of('tasks-0'));
    expect(changes.mentioned).toMatchObject([{ id: parent, name: '', state: 'ready' }]);
    expect(changes.tasks.map(({ id }) => id)).toEqual([child, other]);
    expect(changes.edges).toEqual([
      { from: parent, to: child, kind: 'afterOk' },
      { from: parent, to: other, kind: 'afterOk' },
    ]);
    script.tasks(0, [
      { type: 'TaskSucceeded', id: parent, tenant: 1, attempt: 1, released: [child, other], sealed: null },
    ]);
    expect(fold.fold(script.of('tasks-0').slice(-1)).states).toEqual([
      { id: parent, state: 'succeeded' },
      { id: child, state: 'ready' },
      { id: other, state: 'scheduled' },
    ]);
    script.tasks(0, [{ type: 'TasksDue', ids: [other] }]);
    expect(fold.fold(script.of('tasks-0').slice(-1)).states).toEqual([{ id: other, state: 'ready' }]);
  });
});
