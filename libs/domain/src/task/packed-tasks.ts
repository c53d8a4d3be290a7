import { nullableAt, type NullableNumbers, PackedBlock, packNullable } from '../packed/index.js';
import type { SchedulingSpec, TaskContent } from '../events/index.js';
import { NO_ATTEMPTS, NO_TASKS, type TaskRecord } from './task-record.js';

/** What many waiting tasks have in common. */
interface Shape {
  readonly tenant: number;
  readonly user: number;
  readonly spec: SchedulingSpec;
  readonly index: number;
  readonly rank: number;
  readonly admittedBy: TaskRecord['admittedBy'];
}

/** Nothing is known of it but what was submitted: it waits, alone. */
export function isPackable(task: TaskRecord): boolean {
  return (
    (task.state === 'ready' || task.state === 'scheduled') &&
    task.workflow === null &&
    task.attempts.length === 0 &&
    task.children.length === 0 &&
    task.parents.length === 0 &&
    task.open === 0 &&
    !task.cancelRequested &&
    task.category === null
  );
}

/** Waiting tasks in columns: a few numbers each, beside what the tenant said. */
export class PackedTasks extends PackedBlock<TaskRecord> {
  readonly #shapes: Shape[] = [];
  readonly #shape: Uint16Array;
  readonly #contents: readonly TaskContent[];
  readonly #submittedAt: Float64Array;
  readonly #dueAt: NullableNumbers;
  readonly #isScheduled: Uint8Array;

  /** Each is packable. */
  constructor(tasks: readonly TaskRecord[]) {
    super(tasks.map(({ id }) => id));
    this.#shape = Uint16Array.from(tasks, (task) => this.#shapeOf(task));
    this.#contents = contentsOf(tasks);
    this.#submittedAt = Float64Array.from(tasks, ({ submittedAt }) => submittedAt);
    this.#dueAt = packNullable(tasks.map(({ dueAt }) => dueAt));
    this.#isScheduled = Uint8Array.from(tasks, ({ state }) => (state === 'scheduled' ? 1 : 0));
  }

  at(row: number): TaskRecord {
    const { tenant, user, spec, index, rank, admittedBy } = this.#shapes[this.#shape[row] ?? 0]!;
    return {
      id: this.idAt(row),
      tenant,
      user,
      spec,
      content: this.#contents[row] ?? this.#contents[0]!,
      workflow: null,
      index,
      rank,
      parents: NO_TASKS,
      dueAt: nullableAt(this.#dueAt, row),
      submittedAt: this.#submittedAt[row] ?? 0,
      admittedBy,
      children: NO_TASKS,
      open: 0,
      state: this.#isScheduled[row] === 1 ? 'scheduled' : 'ready',
      cancelRequested: false,
      attempts: NO_ATTEMPTS,
      endedAt: null,
      result: null,
      error: null,
      category: null,
    };
  }

  #shapeOf({ tenant, user, spec, index, rank, admittedBy }: TaskRecord): number {
    const known = this.#shapes.findLastIndex(
      (s) =>
        s.spec === spec &&
        s.tenant === tenant &&
        s.user === user &&
        s.admittedBy === admittedBy &&
        s.rank === rank &&
        s.index === index,
    );
    return known >= 0 ? known : this.#shapes.push({ tenant, user, spec, index, rank, admittedBy }) - 1;
  }
}

/** One when all are the same. */
function contentsOf(tasks: readonly TaskRecord[]): TaskContent[] {
  const first = tasks[0]?.content;
  if (first !== undefined && tasks.every(({ content }) => content === first)) return [first];
  return tasks.map(({ content }) => content);
}
