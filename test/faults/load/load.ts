import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TaskRequest, WorkflowRequest } from '@yardmaster/contracts';
import { type Yard, YardApiError } from '@yardmaster/sdk';
import type { CancelNote, ReportNote, SubmissionNote } from '../../checkers/index.js';
import { ROOT } from '../../e2e/start-yard.js';
import { Random } from '../../sim/simulator/random.js';
import { Child } from '../yard/child.js';
import type { Places } from '../yard/places.js';
import { clientOf } from '../yard/wholeness.js';
import type { YardUnderTest } from '../yard/yard-under-test.js';
import { bootMs } from './truth.js';

/** Appends what it does to $TRUTH, as handlers do, with nothing but what every shell has. */
const SCRIPT = `
say() { read -r up _ < /proc/uptime; echo "$1 $YARD_TASK_ID $YARD_ATTEMPT $YARD_FENCE sh:$$ \${up%.*}\${up#*.}0" >> "$TRUTH"; }
say begin
sleep "$0"
say end
`;
const AGAIN_MS = 250;
/** Enough for every loss that one run can bring about. */
const RETRY: NonNullable<TaskRequest['retry']> = {
  maxAttempts: 4,
  lost: 20,
  backoff: { initial: '200ms', max: '1s' },
  on: ['app'],
};
const TENANT = 1;

/** Of short tasks under one key; volume next to the few that take their time. */
const CROWD = [150, 350] as const;
/** So many of them in one run: what follows of them has to be judged. */
const MOST_IN_CROWDS = 1_800;

interface Wanted {
  readonly path: '/v1/tasks' | '/v1/workflows';
  readonly key: string;
  readonly body: TaskRequest | WorkflowRequest | { readonly tasks: readonly TaskRequest[] };
}

interface Admitted {
  readonly id: string;
  /** Of a workflow. */
  readonly tasks?: Record<string, string>;
  /** Of many at once. */
  readonly items?: readonly { readonly id?: string }[];
}

/**
 * Bounded load on one yard: a few lanes that submit one thing after the other, each under a key of its own that is repeated until
 * an answer comes, and cancel now and then; one that submits crowds of short tasks; and worker processes. Everything that it hears is
 * written down as it heard it.
 */
export class Load {
  readonly submissions: SubmissionNote[] = [];
  readonly cancels: CancelNote[] = [];
  readonly reports: ReportNote[] = [];
  readonly workers: readonly Child[];
  /** How calls were refused, by code. */
  readonly refused = new Map<string, number>();
  /** What no client should ever be told of a request that is in order. */
  readonly wrong: string[] = [];
  /** Calls that were answered well. */
  accepted = 0;
  /** Tasks that were acknowledged. */
  tasks = 0;
  lastAcceptedAt = 0;
  /** Longest time without an acceptance since `watch`, ms. */
  longestGapMs = 0;
  #isOver = true;
  #isWatching = false;
  #lanes: Promise<void>[] = [];
  #round = 0;
  /** Keys with an answer. */
  readonly #known = new Set<string>();
  readonly #clients: readonly Yard[];
  readonly #places: Places;

  constructor(yard: YardUnderTest, places: Places) {
    this.#places = places;
    this.#clients = yard.urls.map((url) => clientOf(url, yard.token));
    this.workers = ['worker-1', 'worker-2'].map((name) => workerChild(name, yard.urls, yard.token, places));
  }

  /** Starts lanes and workers. What follows is decided by the seed. */
  start(seed: number): void {
    this.#round++;
    this.#isOver = false;
    this.#isWatching = false;
    this.lastAcceptedAt = bootMs();
    for (const worker of this.workers) worker.start();
    this.#lanes = [
      this.#lane('a', new Random(seed + 1), (random) => this.#handlerTask(random)),
      this.#lane('b', new Random(seed + 2), (random) => this.#handlerTask(random)),
      this.#lane('c', new Random(seed + 3), (random) => this.#scriptTask(random), 300),
      this.#lane('d', new Random(seed + 4), (random) => this.#chain(random), 1_000),
      this.#lane('e', new Random(seed + 5), crowds(), 1_500),
    ];
  }

  /** From now on gaps count. */
  watch(): void {
    this.longestGapMs = 0;
    this.#isWatching = true;
  }

  /** Lets every lane come to the end of what it is at. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.workers.map((worker) => worker.stop(15_000)));
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** Submits until there is an answer; ids, or null when the run ended before. `repeats`: again after the answer, with the same key. */
  async submit(wanted: Wanted, random: Random): Promise<readonly string[] | null> {
    for (let n = 0; ; n++) {
      const ids = await this.#once(wanted, n);
      if (ids !== null) {
        // A client that missed the answer asks again.
        if (random.chance(0.1)) await this.#once(wanted, n + 1);
        return ids;
      }
      if (this.#isOver && n > 400) return null;
      await pause(AGAIN_MS);
    }
  }

  async #lane(
    name: string,
    random: Random,
    next: (random: Random) => Pick<Wanted, 'path' | 'body'> | null,
    restMs = 60,
  ): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const what = next(random);
      if (what === null) return;
      const wanted = { ...what, key: `${String(this.#round)}-${name}-${String(i)}` };
      const ids = await this.submit(wanted, random);
      const [id] = ids ?? [];
      if (id !== undefined && ids?.length === 1 && random.chance(0.04)) await this.#cancel(id);
      await pause(random.between(restMs / 2, restMs * 1.5));
    }
  }

  async #once({ path: where, key, body }: Wanted, n: number): Promise<readonly string[] | null> {
    const json = JSON.stringify(body);
    const note = (outcome: SubmissionNote['outcome'], code: string | null, ids: readonly string[]): void => {
      this.submissions.push({ tenant: TENANT, key, body: json, outcome, code, ids });
    };
    try {
      const answer = await this.#call<Admitted>(
        { method: 'POST', path: where, json: body, idempotencyKey: key, repeatable: false },
        n,
      );
      const ids = idsIn(answer);
      note('ok', null, ids);
      if (!this.#known.has(key)) this.tasks += ids.length;
      this.#known.add(key);
      this.#accepted();
      return ids;
    } catch (error) {
      const code = this.#hear(error, `${where} ${key}`);
      note(code === 'outcome-unknown' ? 'unknown' : 'refused', code, []);
      return null;
    }
  }

  /** Asked once: a task that ended meanwhile is not cancelled. */
  async #cancel(id: string): Promise<void> {
    try {
      const { state } = await this.#call<{ state: string }>(
        { method: 'POST', path: `/v1/tasks/${id}/cancel`, json: {}, repeatable: false },
        0,
      );
      if (state === 'cancelled' || state === 'cancelling') this.cancels.push({ id, at: bootMs() });
    } catch (error) {
      if (error instanceof YardApiError && error.code === 'already-ended') return;
      this.#hear(error, `cancel of ${id}`);
    }
  }

  async #call<T>(call: Parameters<Yard['call']>[0], n: number): Promise<T> {
    const client = this.#clients[(n + this.#round) % this.#clients.length];
    if (client === undefined) throw new Error('a yard without a gateway');
    return await client.call<T>({ ...call, signal: AbortSignal.timeout(30_000) });
  }

  #hear(error: unknown, what: string): string {
    if (error instanceof YardApiError) {
      this.refused.set(error.code, (this.refused.get(error.code) ?? 0) + 1);
      if (!error.retryable) this.wrong.push(`I19 ${what} was refused as ${error.code}: ${error.message}`);
      return error.code;
    }
    const code = (error as { code?: unknown }).code;
    const text = typeof code === 'string' ? code : 'no answer';
    this.refused.set(text, (this.refused.get(text) ?? 0) + 1);
    return 'outcome-unknown';
  }

  #accepted(): void {
    const now = bootMs();
    if (this.#isWatching) this.longestGapMs = Math.max(this.longestGapMs, now - this.lastAcceptedAt);
    this.lastAcceptedAt = now;
    this.accepted++;
  }

  #handlerTask(random: Random): Pick<Wanted, 'path' | 'body'> {
    return { path: '/v1/tasks', body: this.#work(random) };
  }

  #work(random: Random): TaskRequest {
    return {
      name: 'work',
      run: { handler: 'work', input: { ms: random.between(5, 400) } },
      retry: RETRY,
    };
  }

  #scriptTask(random: Random): Pick<Wanted, 'path' | 'body'> {
    const seconds = (random.between(1, 8) / 10).toFixed(1);
    const body = {
      name: 'script',
      run: { command: ['sh', '-c', SCRIPT, seconds], env: { TRUTH: this.#places.truth } },
      resources: { cpu: '50m' },
      retry: RETRY,
    };
    return { path: '/v1/tasks', body };
  }

  #chain(random: Random): Pick<Wanted, 'path' | 'body'> {
    const step = (dependsOn: string[]): TaskRequest => ({ ...this.#work(random), dependsOn });
    const tasks = { a: step([]), b: step(['a']), c: step(['a']), d: step(['b', 'c']) };
    return { path: '/v1/workflows', body: { name: 'diamond', tasks } };
  }
}

/** Tasks that are over at once, many under one key, until there were enough. */
function crowds(): (random: Random) => Pick<Wanted, 'path' | 'body'> | null {
  let left = MOST_IN_CROWDS;
  const task: TaskRequest = { name: 'crowd', run: { handler: 'work', input: { ms: 0 } }, retry: RETRY };
  return (random) => {
    const n = Math.min(left, random.between(...CROWD));
    left -= n;
    return n === 0 ? null : { path: '/v1/tasks', body: { tasks: Array.from({ length: n }, () => task) } };
  };
}

function idsIn({ id, tasks, items }: Admitted): string[] {
  if (items !== undefined) return items.flatMap((item) => item.id ?? []);
  return tasks === undefined ? [id] : Object.values(tasks);
}

export function workerChild(
  name: string,
  urls: readonly string[],
  token: string,
  places: Places,
  env: NodeJS.ProcessEnv = {},
  flags: readonly string[] = [],
): Child {
  return new Child({
    name,
    args: [
      ...flags,
      '--no-warnings',
      '--import',
      path.join(ROOT, 'test/faults/ts-imports.mjs'),
      path.join(ROOT, 'test/faults/load/worker.main.ts'),
      places.truth,
      name,
      ...urls,
    ],
    env: { ...process.env, YARD_TOKEN: token, ...env },
    output: path.join(places.output, `${name}.log`),
  });
}
