import type { EventResponse, TaskHandle, TaskRequest, TaskResponse, Yard } from '@yardmaster/sdk';
import { readDocuments, scriptsBeside } from '../documents.js';
import { EXIT, usage } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { cut } from '../output/colour.js';
import { note, out, outputForm, printData, printList, printOne, type View } from '../output/print.js';
import { ago, amount, between, inline, words } from '../output/values.js';
import { printLogs } from '../watch/logs.js';
import { uploadScripts } from './upload-scripts.js';

function attemptsOf({ attemptsMade, spec }: TaskResponse): string {
  return `${String(attemptsMade)}/${String(spec.totalAttempts)}`;
}

const TASKS: View<TaskResponse> = {
  columns: [
    { title: 'ID', of: (t) => t.id },
    { title: 'NAME', of: (t) => cut(t.name || '-', 40) },
    { title: 'STATE', of: (t) => t.state },
    { title: 'STATUS', of: (t) => t.status, isWide: true },
    { title: 'ATTEMPTS', of: attemptsOf },
    { title: 'TIME', of: (t) => between(t.startedAt, t.endedAt) },
    { title: 'SUBMITTED', of: (t) => ago(t.submittedAt) },
    { title: 'QUEUE', of: (t) => t.spec.queue, isWide: true },
    { title: 'PRIORITY', of: (t) => String(t.spec.priority), isWide: true },
    {
      title: 'RUNS',
      of: (t) => cut(t.spec.run.script ?? t.spec.run.handler ?? (t.spec.run.command ?? []).join(' '), 40),
      isWide: true,
    },
    { title: 'WORKER', of: (t) => t.attempts.at(-1)?.worker ?? '-', isWide: true },
    { title: 'WORKFLOW', of: (t) => t.workflow ?? '-', isWide: true },
    { title: 'ERROR', of: (t) => cut(t.error ?? t.waitReason ?? '', 60) },
  ],
  name: (t) => t.id,
  none: 'no tasks',
};

export const submit: Action = async ({ args: [file = ''], options }) => {
  const documents = await readDocuments(file);
  const tasks = documents.map((d) => {
    if (d.kind !== 'task')
      throw usage(`${file} holds a workflow: use \`yard workflow submit\` or \`yard run\``);
    return d.task;
  });
  const key = options['idempotencyKey'] as string | undefined;
  return withYard(options, async (yard) => {
    await uploadScripts(yard, scriptsBeside(file, documents));
    const handles = await submitAll(yard, tasks, key);
    await printList(
      handles.map(({ id }) => ({ id })),
      { columns: [{ title: 'ID', of: (t) => t.id }], name: (t) => t.id, none: 'nothing was accepted' },
      options,
    );
    return handles.length === tasks.length ? EXIT.ok : EXIT.failed;
  });
};

/** Handles of those that were accepted; each refusal is said on stderr. */
async function submitAll(
  yard: Yard,
  tasks: readonly TaskRequest[],
  key: string | undefined,
): Promise<TaskHandle[]> {
  const [only] = tasks;
  if (tasks.length === 1 && only !== undefined)
    return [await yard.tasks.submit(only, key === undefined ? {} : { idempotencyKey: key })];
  const items = await yard.tasks.submitMany(tasks, key === undefined ? {} : { idempotencyKey: key });
  return items.flatMap((item, i) => {
    if (item.ok) return [item.task];
    note(`yard: task ${String(i + 1)}: ${item.error.code}: ${item.error.message}`);
    return [];
  });
}

export const list: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const filter: Record<string, string | number> = {};
    for (const name of [
      'state',
      'status',
      'queue',
      'workflow',
      'name',
      'label',
      'tenant',
      'since',
      'until',
      'sort',
    ]) {
      if (options[name] !== undefined) filter[name] = String(options[name]);
    }
    const limit = countOf(options['limit']);
    if (options['all'] === true) {
      await printList(await Array.fromAsync(yard.tasks.all({ ...filter, limit: 1000 })), TASKS, options);
      return EXIT.ok;
    }
    const page = await yard.tasks.list({ ...filter, limit });
    await printList(page.items, TASKS, options, page);
    if (page.nextCursor !== null) note('there are more: --all, or --limit N');
    return EXIT.ok;
  });

export function countOf(text: unknown): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw usage(`--limit takes a positive whole number, not ${String(text)}`);
  return count;
}

export const get: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const task = await yard.tasks.get(id);
    const { run, resources } = task.spec;
    await printOne(
      task,
      task.id,
      [
        ['id', task.id],
        ['name', task.name || '-'],
        ['state', `${task.state} (${task.status})`],
        ...(task.waitReason ? [['waits for', task.waitReason] as const] : []),
        ['runs', run.script ?? run.handler ?? (run.command ?? []).join(' ')],
        [
          'resources',
          Object.entries(resources)
            .map(([name, value]) => `${name}=${amount(name, value)}`)
            .join(' ') || '-',
        ],
        ['queue', `${task.spec.queue}, priority ${String(task.spec.priority)}`],
        [
          'workflow',
          task.workflow === null ? '-' : `${task.workflow}${task.key === null ? '' : ` as ${task.key}`}`,
        ],
        ['depends on', task.dependsOn.join(' ') || '-'],
        ['labels', words(task.labels)],
        [
          'submitted',
          `${task.submittedAt} by user ${String(task.userId)} of ${task.tenant}, admitted by ${task.admittedBy.node}`,
        ],
        ['ran', between(task.startedAt, task.endedAt)],
        ...task.attempts.map(
          (a) =>
            [
              `attempt ${String(a.attempt)}`,
              [
                a.outcome ?? 'running',
                a.progress === null ? '' : `${String(Math.round(a.progress * 100))}%`,
                a.exitCode === null ? '' : `exit ${String(a.exitCode)}`,
                `on ${a.worker}`,
                between(a.startedAt, a.endedAt),
                a.error ?? '',
              ]
                .filter((w) => w !== '')
                .join(', '),
            ] as const,
        ),
        ...(task.error === null ? [] : [['error', task.error] as const]),
        ['result', inline(task.result)],
      ],
      options,
    );
    return EXIT.ok;
  });

export const why: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const answer = await yard.tasks.why(id);
    await printOne(
      answer,
      answer.reason ?? answer.state,
      [
        ['state', `${answer.state} (${answer.status})`],
        ['reason', answer.reason ?? '-'],
        ['detail', answer.detail ?? '-'],
        ...answer.parts.map((part) => [part.from, `${part.reason}: ${part.detail}`] as const),
      ],
      options,
    );
    return EXIT.ok;
  });

export const logs: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const stream = options['stream'] as string | undefined;
    if (stream !== undefined && stream !== 'stdout' && stream !== 'stderr')
      throw usage('--stream is stdout or stderr');
    const attempt = options['attempt'] === undefined ? undefined : Number(options['attempt']);
    if (attempt !== undefined && !(Number.isInteger(attempt) && attempt > 0))
      throw usage('--attempt takes a positive whole number');
    await printLogs(yard, id, {
      follow: options['follow'] === true,
      ...(stream ? { stream } : {}),
      ...(attempt ? { attempt } : {}),
    });
    return EXIT.ok;
  });

export const cancel: Action = ({ args, options }) =>
  withYard(options, async (yard) => {
    for (const id of args) {
      const { state } = await yard.tasks.cancel(id);
      note(`task ${id} is ${state}`);
    }
    return EXIT.ok;
  });

export const forceEnd: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const { state } = await yard.tasks.forceEnd(id, { reason: String(options['reason']) });
    note(`task ${id} is ${state}`);
    return EXIT.ok;
  });

export const wait: Action = ({ args, options }) =>
  withYard(
    options,
    async (yard) => {
      const timeout = options['timeout'] as string | undefined;
      const ended = await Promise.all(
        args.map((id) => yard.tasks.wait(id, timeout === undefined ? {} : { timeout })),
      );
      await printList(ended, TASKS, options);
      return ended.every((t) => t.status === 'done') ? EXIT.ok : EXIT.failed;
    },
    '60s',
  );

export const result: Action = ({ args: [id = ''], options }) =>
  withYard(
    options,
    async (yard) => {
      const timeout = options['timeout'] as string | undefined;
      const value = await yard.tasks.result(id, timeout === undefined ? {} : { timeout });
      await printData(value ?? null, outputForm(options) === 'yaml' ? 'yaml' : 'json');
      return EXIT.ok;
    },
    '60s',
  );

export const events: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const items = await yard.tasks.history(id);
    const view: View<EventResponse> = {
      columns: [
        { title: 'TIME', of: (e) => e.time },
        { title: 'TYPE', of: (e) => e.type },
        { title: 'STATE', of: (e) => e.state ?? '-' },
        { title: 'ATTEMPT', of: (e) => String(e.attempt ?? '-') },
        { title: 'WORKER', of: (e) => e.worker ?? '-' },
        { title: 'ERROR', of: (e) => e.error ?? '' },
      ],
      name: (e) => e.type,
      none: 'no events',
    };
    if (!process.stdout.isTTY && options.output === undefined)
      for (const event of items) out(JSON.stringify(event));
    else await printList(items, view, options);
    return EXIT.ok;
  });
