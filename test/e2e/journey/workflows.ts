import { expect, it } from 'vitest';
import { until } from '../../support/processes.js';
import { http, type Traveller } from './traveller.js';

const WAIT = { timeout: '60s' };

/** Workflows: results on their way down, retries, failures and cancellations. */
export function workflowJourney(me: () => Traveller): void {
  it('runs a workflow in order and passes results to children', async () => {
    const { yard } = me();
    const workflow = await yard.workflows.submit({
      name: 'sum',
      labels: { of: 'two' },
      tasks: {
        a: { run: { handler: 'double', input: { n: 1 } } },
        b: { run: { command: ['sh', '-c', 'echo 5 > "$YARD_OUTPUT"'] } },
        sum: {
          run: { command: ['sh', '-c', 'cat "$YARD_PARENTS" > "$YARD_OUTPUT"'] },
          dependsOn: ['a', 'b'],
        },
      },
    });
    expect(Object.keys(workflow.tasks).sort()).toEqual(['a', 'b', 'sum']);
    const ended = await workflow.wait(WAIT);
    expect(ended).toMatchObject({
      name: 'sum',
      state: 'succeeded',
      status: 'done',
      labels: { of: 'two' },
      counts: { succeeded: 3 },
    });
    expect(await yard.tasks.result(workflow.tasks['sum'] ?? '')).toEqual({ a: { n: 2 }, b: 5 });
    const [a, b, sum] = await Promise.all(
      ['a', 'b', 'sum'].map((key) => yard.tasks.get(workflow.tasks[key] ?? '')),
    );
    expect(Date.parse(sum?.startedAt ?? '')).toBeGreaterThanOrEqual(
      Math.max(Date.parse(a?.endedAt ?? ''), Date.parse(b?.endedAt ?? '')),
    );
    expect(await workflow.graph()).toMatchObject({
      tasks: expect.arrayContaining([expect.objectContaining({ key: 'sum', rank: 1 })]) as unknown,
    });
    expect((await workflow.graph()).edges).toHaveLength(2);
  });

  it('tries again what failed, after its backoff', async () => {
    const { yard } = me();
    const workflow = await yard.workflows.submit({
      name: 'retried',
      tasks: {
        flaky: {
          run: { command: ['sh', '-c', 'echo "$YARD_ATTEMPT" > "$YARD_OUTPUT"; [ "$YARD_ATTEMPT" -ge 3 ]'] },
          retry: { maxAttempts: 3, backoff: { initial: '200ms', max: '1s' } },
        },
        after: { run: { handler: 'noop' }, dependsOn: ['flaky'] },
      },
    });
    expect(await workflow.wait(WAIT)).toMatchObject({ state: 'succeeded' });
    const flaky = await yard.tasks.get(workflow.tasks['flaky'] ?? '');
    expect(flaky.attempts.map(({ attempt, exitCode }) => [attempt, exitCode])).toEqual([
      [1, 1],
      [2, 1],
      [3, 0],
    ]);
    expect(flaky.result).toBe(3);
  });

  it('tells what a task depends on and what depends on it, from the moment it is accepted', async () => {
    const { yard, started } = me();
    const workflow = await yard.workflows.submit({
      name: 'around',
      tasks: {
        a: { run: { handler: 'noop' } },
        b: { run: { handler: 'noop' }, dependsOn: ['a'] },
        c: { run: { handler: 'noop' }, dependsOn: ['b'] },
      },
    });
    const around = async (key: string, direction: string): Promise<string[]> => {
      const { body } = await http(started, 'GET', `/v1/tasks/${workflow.tasks[key] ?? ''}/${direction}`);
      return (body['tasks'] as { key: string }[]).map((task) => task.key);
    };
    expect(await around('c', 'upstream')).toEqual(['a', 'b', 'c']);
    expect(await around('b', 'downstream')).toEqual(['b', 'c']);
    await workflow.wait(WAIT);
    expect(await around('a', 'downstream')).toEqual(['a', 'b', 'c']);
  });

  it('fails with its task, and leaves what needs it undone', async () => {
    const { yard } = me();
    const workflow = await yard.workflows.submit({
      name: 'doomed',
      tasks: {
        bad: { run: { command: ['false'] } },
        child: { run: { handler: 'noop' }, dependsOn: ['bad'] },
        grandchild: { run: { handler: 'noop' }, dependsOn: ['child'] },
        other: { run: { handler: 'noop' } },
      },
    });
    const { state, status, tasks } = await workflow.wait(WAIT);
    expect([state, status]).toEqual(['failed', 'failed']);
    expect(Object.fromEntries(tasks.map((task) => [task.key, task.state]))).toEqual({
      bad: 'failed',
      child: 'upstream_failed',
      grandchild: 'upstream_failed',
      other: 'succeeded',
    });
    expect(tasks.find(({ key }) => key === 'child')?.status).toBe('failed');
  });

  it('is cancelled as a whole', async () => {
    const { yard } = me();
    const workflow = await yard.workflows.submit({
      name: 'unwanted',
      tasks: {
        first: { run: { command: ['sleep', '60'] } },
        second: { run: { handler: 'noop' }, dependsOn: ['first'] },
      },
    });
    await until(
      'its first task to run',
      async () => (await yard.tasks.get(workflow.tasks['first'] ?? '')).state === 'running',
    );
    await workflow.cancel();
    const ended = await workflow.wait(WAIT);
    expect(ended).toMatchObject({ state: 'cancelled', status: 'failed' });
    expect(ended.tasks.find(({ key }) => key === 'first')?.state).toBe('cancelled');
  });
}
