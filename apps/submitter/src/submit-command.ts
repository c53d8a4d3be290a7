import { rejection, type Rejection, type SubmitCommand } from '@yardmaster/contracts';
import type { SubmitRefusal } from '@yardmaster/domain';

/** What a client hears when its submission is refused. */
export function explainRefusal(refusal: SubmitRefusal, command: SubmitCommand): Rejection {
  // In a workflow a task is named by its key, in a bulk by its place; a lone task needs no name.
  const at = (i: number, message: string): { errors?: { path: string; message: string }[] } => {
    const key = command.tasks[i]?.content.key ?? null;
    if (key === null && command.tasks.length === 1) return {};
    return { errors: [{ path: key === null ? `tasks[${String(i)}]` : `tasks.${key}`, message }] };
  };
  const nameOf = (i: number): string =>
    command.tasks[i]?.content.key ?? command.tasks[i]?.content.name ?? `tasks[${String(i)}]`;
  switch (refusal.code) {
    case 'idempotency-mismatch':
      return rejection(
        'idempotency-mismatch',
        'this Idempotency-Key was used with another body; use a new key for a new task',
      );
    case 'cycle-in-graph': {
      const path = refusal.cycle.map(nameOf);
      return rejection(
        'cycle-in-graph',
        `the dependencies form a cycle: ${path.join(' -> ')}; remove one of these edges`,
        { extra: { cycle: path } },
      );
    }
    case 'unknown-parent':
      return rejection(
        'unknown-parent',
        `${nameOf(refusal.task)} depends on ${refusal.parent}, which is not a task of this tenant`,
        { extra: { parent: refusal.parent }, ...at(refusal.task, `there is no task ${refusal.parent}`) },
      );
    case 'parent-failed':
      return rejection(
        'conflict',
        `${nameOf(refusal.task)} depends on ${refusal.parent}, which has already failed`,
        {
          extra: { parent: refusal.parent },
          ...at(refusal.task, `task ${refusal.parent} has already failed`),
        },
      );
    case 'never-runnable':
      return rejection(
        'never-runnable',
        `${nameOf(refusal.task)} asks for more ${refusal.dimension} than any worker has ever offered; ask for less or add a larger worker`,
        {
          extra: { dimension: refusal.dimension },
          ...at(refusal.task, `no worker has ever offered so much ${refusal.dimension}`),
        },
      );
  }
}
