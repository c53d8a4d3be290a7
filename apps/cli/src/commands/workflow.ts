import type { GraphResponse, WorkflowResponse, WorkflowSummaryResponse } from '@yardmaster/sdk';
import { readDocuments, scriptsBeside } from '../documents.js';
import { EXIT, usage } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { cut } from '../output/colour.js';
import {
  note,
  out,
  outputForm,
  printData,
  printList,
  printOne,
  printTable,
  type View,
} from '../output/print.js';
import { ago, between, words } from '../output/values.js';
import { graphLines, type GraphNode } from '../watch/graph-lines.js';
import { graphSvg } from '../watch/graph-svg.js';
import { countOf } from './task.js';
import { uploadScripts } from './upload-scripts.js';

const WORKFLOWS: View<WorkflowSummaryResponse> = {
  columns: [
    { title: 'ID', of: (w) => w.id },
    { title: 'NAME', of: (w) => cut(w.name, 40) },
    { title: 'STATE', of: (w) => w.state },
    { title: 'STATUS', of: (w) => w.status, isWide: true },
    { title: 'TASKS', of: (w) => String(w.count) },
    { title: 'TIME', of: (w) => between(w.submittedAt, w.endedAt) },
    { title: 'SUBMITTED', of: (w) => ago(w.submittedAt) },
    { title: 'USER', of: (w) => String(w.userId), isWide: true },
    { title: 'TENANT', of: (w) => w.tenant, isWide: true },
  ],
  name: (w) => w.id,
  none: 'no workflows',
};

export const submit: Action = async ({ args: [file = ''], options }) => {
  const documents = await readDocuments(file);
  const key = options['idempotencyKey'] as string | undefined;
  return withYard(options, async (yard) => {
    await uploadScripts(yard, scriptsBeside(file, documents));
    const ids: { id: string }[] = [];
    for (const [i, document] of documents.entries()) {
      if (document.kind !== 'workflow')
        throw usage(`${file} holds a task: use \`yard task submit\` or \`yard run\``);
      const own =
        key === undefined ? {} : { idempotencyKey: documents.length === 1 ? key : `${key}/${String(i)}` };
      const { id } = await yard.workflows.submitText(document.text, 'application/json', own);
      ids.push({ id });
    }
    await printList(
      ids,
      { columns: [{ title: 'ID', of: (w) => w.id }], name: (w) => w.id, none: '' },
      options,
    );
    return EXIT.ok;
  });
};

export const list: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const cursor = options['cursor'] as string | undefined;
    const page = await yard.workflows.list({
      limit: countOf(options['limit']),
      ...(cursor === undefined ? {} : { cursor }),
    });
    await printList(page.items, WORKFLOWS, options, page);
    if (page.nextCursor !== null) note(`there are more: --cursor ${page.nextCursor}`);
    return EXIT.ok;
  });

export const get: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    await printWorkflow(await yard.workflows.get(id), options);
    return EXIT.ok;
  });

async function printWorkflow(
  workflow: WorkflowResponse,
  options: Parameters<Action>[0]['options'],
): Promise<void> {
  await printOne(
    workflow,
    workflow.id,
    [
      ['id', workflow.id],
      ['name', workflow.name],
      ['state', `${workflow.state} (${workflow.status})`],
      [
        'tasks',
        Object.entries(workflow.counts)
          .map(([state, n]) => `${String(n)} ${state}`)
          .join(', '),
      ],
      ['labels', words(workflow.labels)],
      ['submitted', `${workflow.submittedAt} by user ${String(workflow.userId)} of ${workflow.tenant}`],
      ['took', between(workflow.submittedAt, workflow.endedAt)],
    ],
    options,
  );
  const form = outputForm(options);
  if (form !== 'table' && form !== 'wide') return;
  out('');
  printTable(workflow.tasks, [
    { title: 'TASK', of: (t) => cut(t.key, 40) },
    { title: 'ID', of: (t) => t.id },
    { title: 'STATE', of: (t) => t.state },
    { title: 'LEVEL', of: (t) => String(t.rank) },
    { title: 'PARENTS', of: (t) => String(t.dependsOn.length) },
  ]);
}

export const graph: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const answer = await yard.workflows.graph(id);
    const form = outputForm(options);
    if (options['svg'] === true) process.stdout.write(graphSvg(nodesOf(answer)));
    else if (form === 'json' || form === 'yaml') await printData(answer, form);
    else for (const line of graphLines(nodesOf(answer), process.stdout.columns || 120)) out(line);
    return EXIT.ok;
  });

export function nodesOf({ tasks, edges }: GraphResponse): GraphNode[] {
  const keys = new Map(tasks.map((t) => [t.id, t.key ?? (t.name || t.id)]));
  const parents = Map.groupBy(edges, (edge) => edge.to);
  return tasks.map((t) => ({
    key: keys.get(t.id) ?? t.id,
    rank: t.rank,
    state: t.state,
    status: t.status,
    parents: (parents.get(t.id) ?? []).map((edge) => keys.get(edge.from) ?? edge.from),
  }));
}

export const cancel: Action = ({ args, options }) =>
  withYard(options, async (yard) => {
    for (const id of args) {
      const { state } = await yard.workflows.cancel(id);
      note(`workflow ${id} is ${state}`);
    }
    return EXIT.ok;
  });

export const wait: Action = ({ args, options }) =>
  withYard(
    options,
    async (yard) => {
      const timeout = options['timeout'] as string | undefined;
      const ended = await Promise.all(
        args.map((id) => yard.workflows.wait(id, timeout === undefined ? {} : { timeout })),
      );
      await printList(
        ended.map((w) => ({ ...w, count: w.tasks.length })),
        WORKFLOWS,
        options,
        { items: ended },
      );
      return ended.every((w) => w.status === 'done') ? EXIT.ok : EXIT.failed;
    },
    '60s',
  );
