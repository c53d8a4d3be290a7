import { SLOT_DEMAND, TIERS } from '@yardmaster/domain';
import type { FieldError, TaskRequest } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import { checkTask } from './schema-check.js';
import { SpecBook } from './spec-book.js';
import { translateTask, type TranslatedTask } from './translate-task.js';
import { translateWorkflow } from './translate-workflow.js';

const NOW = Date.UTC(2026, 10, 21);
const run = { handler: 'noop' };

function translate(body: unknown, book = new SpecBook()): TranslatedTask | readonly FieldError[] {
  const wrong = checkTask(body);
  if (wrong !== null) return wrong;
  const faults: FieldError[] = [];
  return translateTask(body as TaskRequest, '', null, book, NOW, true, faults) ?? faults;
}

function task(body: unknown): TranslatedTask {
  const translated = translate(body);
  if (!('spec' in translated)) throw new Error(JSON.stringify(translated));
  return translated;
}

describe('a task in canonical units', () => {
  it('fills what is left out: a handler takes a slot, a script or command the basic tier, one execution, an hour', () => {
    expect(task({ run }).spec).toMatchObject({
      kind: 'handler',
      handler: 'noop',
      resources: SLOT_DEMAND,
      queue: 'default',
      classRank: 2,
      priority: 500,
      capMs: 3_600_000,
      retry: { maxAttempts: 1, lostBudget: 5 },
      strategy: null,
      delayToleranceMs: null,
    });
    expect(task({ run: { command: ['true'] } }).spec).toMatchObject({
      kind: 'command',
      handler: null,
      resources: TIERS.basic,
    });
    expect(task({ run: { script: 'a/b.sh' } })).toMatchObject({
      script: 'a/b.sh',
      content: { name: 'b.sh' },
      spec: { kind: 'script' },
    });
  });

  it('reads durations, tiers, vectors, priorities and the short form of attempts', () => {
    const { spec } = task({
      run: { command: ['true'] },
      resources: { cpu: '500m', memory: '512Mi' },
      executionCap: '10m',
      leaseTtl: '5m',
      totalAttempts: 3,
      scheduling: {
        priority: 901,
        priorityClass: 'batch',
        strategy: 'spread',
        delayTolerance: '5m',
        queue: 'off-peak',
      },
      constraints: { require: { zone: 'a' } },
    });
    expect(spec).toMatchObject({
      resources: { cpu: 500, memory: 536_870_912 },
      capMs: 600_000,
      leaseTtlMs: 300_000,
      priority: 901,
      classRank: 1,
      strategy: 'spread',
      delayToleranceMs: 300_000,
      queue: 'off-peak',
      retry: { maxAttempts: 3 },
      require: { zone: 'a' },
    });
    expect(
      task({ run, retry: { maxAttempts: 4, backoff: { initial: '1s', max: '5m' }, on: ['app'], lost: 0 } })
        .spec.retry,
    ).toEqual({ maxAttempts: 4, lostBudget: 0, initialBackoffMs: 1000, maxBackoffMs: 300_000, on: ['app'] });
    expect(task({ run, resources: 'regular' }).spec.resources).toEqual({ ...TIERS.regular, ...SLOT_DEMAND });
  });

  it('gives equal requests the very same spec', () => {
    const book = new SpecBook();
    const spec = (body: unknown): unknown => (translate(body, book) as TranslatedTask).spec;
    expect(spec({ run: { handler: 'a', input: 1 }, name: 'x' })).toBe(
      spec({ run: { handler: 'a', input: 2 }, name: 'y' }),
    );
    expect(spec({ run, scheduling: { priority: 'high' } })).toBe(
      spec({ run, scheduling: { priority: 'high', at: '2026-12-01T06:00:00Z' } }),
    );
    expect(spec({ run: { handler: 'a' } })).not.toBe(spec({ run: { handler: 'b' } }));
  });

  it('falls due in the future only', () => {
    expect(task({ run, scheduling: { at: '2026-12-01T06:00:00Z' } }).dueAt).toBe(Date.UTC(2026, 11, 1, 6));
    expect(task({ run, scheduling: { at: '2020-01-01T00:00:00+02:00' } }).dueAt).toBeNull();
    expect(task({ run, scheduling: { at: '2028-02-29T00:30:00+02:00' } }).dueAt).toBe(
      Date.UTC(2028, 1, 28, 22, 30),
    );
  });

  it.each([
    [{}, 'run', 'missing'],
    [{ run: {} }, 'run', 'exactly one'],
    [{ run: { handler: 'a', command: ['b'] } }, 'run', 'exactly one'],
    [{ run: { handler: 7 } }, 'run.handler', 'a number'],
    [{ run: 'a' }, 'run', 'a string'],
    [{ run: { command: [] } }, 'run.command', 'empty'],
    [{ run: { command: ['a', 1] } }, 'run.command[1]', 'a number'],
    [{ run: { command: ['a\0b'] } }, 'run', 'NUL'],
    [{ run: { command: ['a'], env: { 'A=B': 'c' } } }, 'run.env.A=B', 'not a name'],
    [{ run, naem: 'x' }, 'naem', 'did you mean "name"'],
    [{ run, executionCap: 'ten minutes' }, 'executionCap', 'not a duration'],
    [{ run, executionCap: '0s' }, 'executionCap', 'longer than nothing'],
    [{ run, leaseTtl: 'ages' }, 'leaseTtl', 'not a duration'],
    [{ run, leaseTtl: '10s' }, 'leaseTtl', 'from 30s to 15m'],
    [{ run, leaseTtl: '1h' }, 'leaseTtl', 'from 30s to 15m'],
    [{ run, resources: { cpu: 'lots' } }, 'resources.cpu', 'not an amount'],
    [{ run, resources: { memory: '-1G' } }, 'resources.memory', 'negative'],
    [{ run, resources: { cpus: 2 } }, 'resources.cpus', 'did you mean "cpu"'],
    [{ run, resources: 'regulr' }, 'resources', 'did you mean "regular"'],
    [{ run, scheduling: { priority: 'hihg' } }, 'scheduling.priority', 'did you mean "high"'],
    [{ run, scheduling: { priority: 1001 } }, 'scheduling.priority', '0 to 1000'],
    [{ run, scheduling: { priorityClass: 'system' } }, 'scheduling.priorityClass', 'yard itself'],
    [{ run, scheduling: { strategy: 'bin-pak' } }, 'scheduling.strategy', 'did you mean "bin-pack"'],
    [{ run, scheduling: { queue: 'defualt' } }, 'scheduling.queue', 'did you mean "default"'],
    [{ run, scheduling: { at: 'tomorrow' } }, 'scheduling.at', 'not an instant'],
    [{ run, scheduling: { at: '2028-02-30T12:00:00Z' } }, 'scheduling.at', 'not an instant'],
    [{ run, scheduling: { at: '2027-02-29T12:00:00Z' } }, 'scheduling.at', 'not an instant'],
    [{ run, scheduling: { delayTolerance: 5 } }, 'scheduling.delayTolerance', 'a number'],
    [{ run, totalAttempts: 0 }, 'totalAttempts', '>= 1'],
    [{ run, totalAttempts: 2, retry: { maxAttempts: 3 } }, 'totalAttempts', 'give one of them'],
    [{ run, retry: { on: ['ap'] } }, 'retry.on[0]', 'did you mean "app"'],
    [{ run, retry: { backoff: { initial: '5m', max: '1s' } } }, 'retry.backoff.max', 'shorter'],
    [{ run, type: 'jobb' }, 'type', 'did you mean "job"'],
    [{ run, labels: { a: 1 } }, 'labels.a', 'a number'],
    [JSON.parse('{"run":{"handler":"a"},"labels":{"__proto__":"x"}}'), 'labels.__proto__', 'not a name'],
    [JSON.parse('{"run":{"handler":"a"},"__proto__":{}}'), '__proto__', 'no field'],
    [{ run, tenantId: 'other', priority: 5 }, 'tenantId', 'no field'],
  ])('refuses %j and names the field', (body, path, message) => {
    const faults = translate(body) as readonly FieldError[];
    expect(Array.isArray(faults), JSON.stringify(faults)).toBe(true);
    expect(faults.map((fault) => fault.path)).toContain(path);
    expect(faults.find((fault) => fault.path === path)?.message).toContain(message);
  });

  it('tells a misspelt name before what is missing because of it', () => {
    const faults = translate({ run: { comand: ['true'] } }) as readonly FieldError[];
    expect(faults[0]).toMatchObject({
      path: 'run.comand',
      message: expect.stringContaining('did you mean "command"') as string,
    });
    expect(translate({ run: { command: 'true' } })).toMatchObject([{ message: 'is a string; write a list' }]);
  });

  it('refuses input that is nested too deep, whatever its size', () => {
    const deep = JSON.parse('['.repeat(5000) + ']'.repeat(5000)) as unknown;
    expect(translate({ run: { handler: 'a', input: deep } })).toMatchObject([{ path: 'run.input' }]);
  });
});

describe('a workflow', () => {
  it('orders a chain of 100,000 tasks and finds a cycle as long', () => {
    const chain = (closed: boolean): unknown => ({
      name: 'chain',
      tasks: Object.fromEntries(
        Array.from({ length: 100_000 }, (_, i) => [
          `t${String(i)}`,
          { run, dependsOn: i > 0 ? [`t${String(i - 1)}`] : closed ? ['t99999'] : [] },
        ]),
      ),
    });
    const ordered = translateWorkflow(chain(false), new SpecBook(), NOW, false);
    expect(ordered.ok && ordered.value.keys.at(-1)).toBe('t99999');
    const cyclic = translateWorkflow(chain(true), new SpecBook(), NOW, false);
    expect(!cyclic.ok && cyclic.error.code).toBe('cycle-in-graph');
  }, 60_000);

  it.each([
    [{ tasks: { a: { run } } }, 'name'],
    [{ name: 'w' }, 'tasks'],
    [{ name: 'w', tasks: {} }, 'tasks'],
    [{ name: 'w', tasks: [{ run }] }, 'tasks[0].name'],
    [{ name: 'w', tasks: { a: { run, executionCap: 'x' } } }, 'tasks.a.executionCap'],
    [{ name: 'w', tasks: { a: { runn: run } } }, 'tasks.a.runn'],
    [{ name: 'w', tasks: { a: { run, key: 'b' } } }, 'tasks.a.key'],
    [{ name: 'w', tasks: { a: { run } }, deadline: '1h' }, 'deadline'],
  ])('refuses %j and names the field', (body, path) => {
    const translated = translateWorkflow(body, new SpecBook(), NOW, false);
    expect(!translated.ok && translated.error.errors?.map((fault) => fault.path)).toContain(path);
  });
});
