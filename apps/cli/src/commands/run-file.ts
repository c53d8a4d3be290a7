import type { TaskHandle, TaskRequest, WorkflowHandle, WorkflowResponse, Yard } from '@yardmaster/sdk';
import { readDocuments, scriptsBeside, type Document } from '../documents.js';
import { EXIT } from '../exit.js';
import { withYard, type Action, type Options } from '../invocation.js';
import { colours, plain } from '../output/colour.js';
import { note, out } from '../output/print.js';
import { took } from '../output/values.js';
import { Board } from '../watch/board.js';
import { InOrder } from '../watch/in-order.js';
import { count, graphLines, type GraphNode } from '../watch/graph-lines.js';
import { progressFor, type Progress } from '../watch/progress.js';
import { printResults } from '../watch/results.js';
import { timeLimit } from '../watch/time-limit.js';
import { uploadScripts } from './upload-scripts.js';

/** A yard that restarts under the watch is waited for this long. */
const RETRY_FOR = '120s';

interface Submitted {
  readonly workflows: { readonly handle: WorkflowHandle; readonly name: string }[];
  readonly tasks: { readonly handle: TaskHandle; readonly name: string }[];
}

/** Submits what the file holds, watches it to its end, prints the results. */
export const runFile: Action = async ({ args: [file = ''], options }) => {
  const documents = await readDocuments(file);
  return withYard(
    options,
    async (yard) => {
      const uploaded = await uploadScripts(yard, scriptsBeside(file, documents));
      if (uploaded > 0) note(`uploaded ${count(uploaded, 'script')}`);
      const startedAt = Date.now();
      const submitted = await submit(yard, documents);
      if (options['wait'] === false) {
        for (const { id } of [...submitted.workflows, ...submitted.tasks].map((s) => s.handle)) out(id);
        return EXIT.ok;
      }
      return watch(yard, submitted, startedAt, options);
    },
    RETRY_FOR,
  );
};

async function submit(yard: Yard, documents: readonly Document[]): Promise<Submitted> {
  const workflows: Submitted['workflows'] = [];
  for (const document of documents) {
    if (document.kind !== 'workflow') continue;
    const handle = await yard.workflows.submitText(document.text, 'application/json');
    workflows.push({ handle, name: document.workflow.name });
  }
  const requests: TaskRequest[] = documents.flatMap((d) => (d.kind === 'task' ? [d.task] : []));
  const tasks = (await submitTasks(yard, requests)).map((handle, i) => ({
    handle,
    name: requests[i]?.name ?? handle.id,
  }));
  return { workflows, tasks };
}

async function submitTasks(yard: Yard, requests: readonly TaskRequest[]): Promise<TaskHandle[]> {
  const [only] = requests;
  if (only === undefined) return [];
  if (requests.length === 1) return [await yard.tasks.submit(only)];
  const items = await yard.tasks.submitMany(requests);
  const refused = items.find((item) => !item.ok);
  if (refused === undefined) return items.flatMap((item) => (item.ok ? [item.task] : []));
  for (const item of items) if (item.ok) note(`task ${item.task.id} was accepted and runs`);
  throw refused.error;
}

async function watch(
  yard: Yard,
  { workflows, tasks }: Submitted,
  startedAt: number,
  options: Options,
): Promise<number> {
  const board = new Board();
  for (const { handle, name } of workflows) {
    for (const [key, id] of Object.entries(handle.tasks))
      board.add(id, workflows.length > 1 ? `${name}/${key}` : key);
  }
  for (const { handle, name } of tasks) board.add(handle.id, name);
  const { bold } = colours(process.stderr);
  for (const { handle, name } of workflows) {
    note(`${bold(plain(name))}  workflow ${handle.id}`);
    for (const line of graphLines(nodesOf(await handle.status()), process.stderr.columns || 120)) note(line);
  }
  if (tasks.length > 0)
    note(tasks.length === 1 ? `task ${tasks[0]?.handle.id ?? ''}` : count(tasks.length, 'task'));

  const progress = progressFor(board, startedAt);
  const leave = new AbortController();
  const onInterrupt = (): void => {
    leave.abort();
    progress.close();
    const what = workflows[0]
      ? `yard workflow cancel ${workflows[0].handle.id}`
      : `yard task cancel ${tasks[0]?.handle.id ?? ''}`;
    note(`the work goes on; \`${what}\` ends it`);
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', onInterrupt);
  const following = follow(
    yard,
    workflows.map((w) => w.handle),
    tasks.map((t) => t.handle),
    board,
    progress,
    leave.signal,
  );
  try {
    const limit = timeLimit(options);
    const [ended, alone] = await Promise.all([
      Promise.all(workflows.map(({ handle }) => handle.wait(limit))),
      Promise.all(tasks.map(({ handle }) => handle.wait(limit))),
    ]);
    leave.abort();
    await following;
    for (const workflow of ended) progress.changed(board.reconcile(workflow));
    progress.close();
    await printResults(yard, ended, alone, options);
    for (const workflow of ended)
      note(
        verdict(
          `${plain(workflow.name)} ${workflow.state}`,
          workflow.status,
          startedAt,
          workflow.tasks.length,
        ),
      );
    if (alone.length > 0) {
      const failed = alone.filter((t) => t.status !== 'done').length;
      note(
        verdict(
          failed === 0 ? 'succeeded' : `${count(failed, 'task')} failed`,
          failed === 0 ? 'done' : 'failed',
          startedAt,
          alone.length,
        ),
      );
    }
    return [...ended, ...alone].every((it) => it.status === 'done') ? EXIT.ok : EXIT.failed;
  } finally {
    leave.abort();
    progress.close();
    process.removeListener('SIGINT', onInterrupt);
  }
}

function verdict(text: string, status: string, startedAt: number, tasks: number): string {
  const { green, red } = colours(process.stderr);
  return (status === 'done' ? green : red)(
    `${text} in ${took(Date.now() - startedAt)} (${count(tasks, 'task')})`,
  );
}

/** Feeds the board from the event stream. The waits decide when it is over; this is for the eye, so it never fails. */
async function follow(
  yard: Yard,
  workflows: readonly WorkflowHandle[],
  tasks: readonly TaskHandle[],
  board: Board,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const [first, second] = [...workflows, ...tasks];
  if (first === undefined) return;
  let isBroken = false;
  const inOrder = new InOrder((event) => {
    const changes = board.apply(event);
    if (changes.length > 0) progress.changed(changes);
  });
  await yard
    .onEvents({
      from: first.position,
      signal,
      ...(second !== undefined ? {} : workflows.length === 1 ? { workflow: first.id } : { task: first.id }),
      onOpen: () => {
        if (!isBroken) return;
        isBroken = false;
        progress.note('the yard is back');
        void Promise.all(
          workflows.map(async (workflow) => {
            progress.changed(board.reconcile(await workflow.status()));
          }),
        ).catch(() => undefined);
      },
      onBreak: () => {
        if (!isBroken) progress.note('the connection to the yard broke: the work goes on, waiting for it');
        isBroken = true;
      },
      onBatch: (batch) => {
        inOrder.take(batch.events);
      },
    })
    .catch(() => undefined);
  inOrder.flush();
}

function nodesOf(workflow: WorkflowResponse): GraphNode[] {
  const keys = new Map(workflow.tasks.map((t) => [t.id, t.key]));
  return workflow.tasks.map((t) => ({
    key: t.key,
    rank: t.rank,
    state: t.state,
    status: t.status,
    parents: t.dependsOn.map((id) => keys.get(id) ?? id),
  }));
}
