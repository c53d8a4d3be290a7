import type { TaskResponse, WorkflowResponse, Yard } from '@yardmaster/sdk';
import type { Options } from '../invocation.js';
import { cut } from '../output/colour.js';
import { out, outputForm, printData, printTable } from '../output/print.js';
import { between, inline } from '../output/values.js';

/** With more tasks than this only failed ones and those that nothing depends on are shown. */
const ALL = 40;
const SOME = 20;

/** Prints what came out of tasks and workflows, on stdout. */
export async function printResults(
  yard: Yard,
  workflows: readonly WorkflowResponse[],
  tasks: readonly TaskResponse[],
  options: Options,
): Promise<void> {
  const form = outputForm(options);
  if (form === 'name') {
    for (const { id } of [...workflows, ...tasks]) out(id);
    return;
  }
  const shown = await Promise.all(
    workflows.map(async (workflow) => ({ workflow, tasks: await chosen(yard, workflow) })),
  );
  if (form === 'json' || form === 'yaml') {
    await printData(
      {
        workflows: shown.map((s) => ({
          ...s.workflow,
          tasks: s.workflow.tasks.map((t) => ({ ...t, ...detail(s.tasks, t.id) })),
        })),
        tasks,
      },
      form,
    );
    return;
  }
  for (const { workflow, tasks: some } of shown) {
    if (shown.length + tasks.length > 1) out(`\n${workflow.name}`);
    if (some.length > 0) table(some);
  }
  if (tasks.length > 0) table(tasks);
}

function detail(tasks: readonly TaskResponse[], id: string): object {
  const task = tasks.find((t) => t.id === id);
  return task === undefined ? {} : { result: task.result, error: task.error, attempts: task.attempts };
}

async function chosen(yard: Yard, workflow: WorkflowResponse): Promise<TaskResponse[]> {
  const { tasks } = workflow;
  if (tasks.length <= ALL) return Promise.all(tasks.map((t) => yard.tasks.get(t.id)));
  const needed = new Set(tasks.flatMap((t) => t.dependsOn));
  const failed = tasks.filter((t) => t.state === 'failed' || t.state === 'dead').slice(0, SOME);
  const last = tasks.filter((t) => !needed.has(t.id) && t.status === 'done').slice(0, SOME);
  return Promise.all([...failed, ...last].map((t) => yard.tasks.get(t.id)));
}

function table(tasks: readonly TaskResponse[]): void {
  const width = process.stdout.columns || 160;
  printTable(tasks, [
    { title: 'TASK', of: (t) => cut(t.key ?? (t.name || t.id), 40) },
    { title: 'STATE', of: (t) => t.state },
    { title: 'ATTEMPTS', of: (t) => String(t.attempts.length) },
    { title: 'TIME', of: (t) => between(t.attempts.at(-1)?.startedAt ?? null, t.endedAt) },
    { title: 'RESULT', of: (t) => cut(t.error ?? inline(t.result), Math.max(40, width - 80)) },
  ]);
}
