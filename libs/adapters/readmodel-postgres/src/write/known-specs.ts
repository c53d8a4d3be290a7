import type pg from 'pg';
import type { SpecChange } from '../fold/read-model-fold.js';
import type { TaskChange } from '../fold/task-change.js';
import { CopyRows } from './copy-rows.js';
import { jsonText } from './json-text.js';
import type { Fields } from './target.js';

interface StoredSpec {
  readonly stream: string;
  readonly n: number;
  readonly kind: string;
  readonly handler: string | null;
  readonly queue: string;
  readonly priority: number;
  readonly totalAttempts: number;
  readonly resources: string | null;
  readonly capMs: number;
  readonly delayToleranceMs: number | null;
}

/** What an interned spec says of a submission; `once` until there are other schedules. */
const COLUMNS: Fields<TaskChange>['columns'] = [
  { name: 'kind', type: 'text' },
  { name: 'handler', type: 'text' },
  { name: 'scheduling_type', type: 'text' },
  { name: 'queue', type: 'text' },
  { name: 'priority', type: 'integer' },
  { name: 'total_attempts', type: 'integer' },
  { name: 'resource_requirements', type: 'jsonb' },
  { name: 'execution_cap', type: 'bigint' },
  { name: 'delay_tolerance', type: 'bigint' },
];

/**
 * Specs by their stream and number, as the fields of a task's row: most tasks share a few, so these are written once and
 * copied from then on. Holds what the tables hold; asked anew with each connection.
 */
export class KnownSpecs {
  readonly #byStream = new Map<string, Uint8Array[]>();
  readonly #unknown: Uint8Array;

  readonly fields: Fields<TaskChange> = {
    columns: COLUMNS,
    write: (rows, { submitted, place }) => {
      const spec =
        submitted === null || place === null ? undefined : this.#byStream.get(place.stream)?.[submitted.spec];
      rows.raw(spec ?? this.#unknown);
    },
  };

  constructor() {
    const rows = new CopyRows();
    for (const { name } of COLUMNS) {
      if (name === 'scheduling_type') rows.text('once');
      else rows.nothing();
    }
    this.#unknown = Uint8Array.from(rows.take());
  }

  async load(client: pg.Client): Promise<void> {
    const { rows } = await client.query<StoredSpec>(
      `SELECT stream, n, kind, handler, queue, priority, total_attempts AS "totalAttempts", resource_requirements::text AS resources,
        execution_cap::float8 AS "capMs", delay_tolerance::float8 AS "delayToleranceMs" FROM spec`,
    );
    for (const spec of rows) this.#add(spec);
  }

  add({ stream, n, spec }: SpecChange): void {
    const { kind, handler, queue, priority, capMs, delayToleranceMs } = spec;
    const resources = jsonText(spec.resources);
    const totalAttempts = spec.retry.maxAttempts;
    this.#add({
      stream,
      n,
      kind,
      handler,
      queue,
      priority,
      totalAttempts,
      resources,
      capMs,
      delayToleranceMs,
    });
  }

  #add(spec: StoredSpec): void {
    const rows = new CopyRows();
    rows.text(spec.kind);
    rows.text(spec.handler);
    rows.text('once');
    rows.text(spec.queue);
    rows.int4(spec.priority);
    rows.int4(spec.totalAttempts);
    rows.json(spec.resources);
    rows.int8(spec.capMs);
    rows.int8(spec.delayToleranceMs);
    let specs = this.#byStream.get(spec.stream);
    if (specs === undefined) this.#byStream.set(spec.stream, (specs = []));
    specs[spec.n] = Uint8Array.from(rows.take());
  }
}
