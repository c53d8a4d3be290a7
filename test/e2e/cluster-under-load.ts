import { Worker, Yard, type ClusterResponse } from '@yardmaster/sdk';
import { kill, until } from '../support/processes.js';
import { readLogOf } from './log-of-yard.js';
import type { StartedYard } from './start-yard.js';

/** Refusals that tell to try again. */
const PASSING: readonly string[] = ['unavailable', 'outcome-unknown', 'ECONNREFUSED'];

type Node = ClusterResponse['nodes'][number];

/** Two of every service in processes of their own, a worker, and lanes that submit one task after the other until `stop`. */
export class ClusterUnderLoad {
  readonly yard: Yard;
  readonly acknowledged = new Set<string>();
  /** How often submissions were refused, by code. */
  readonly refused = new Map<string, number>();
  readonly #worker: Worker;
  readonly #lanes: number;
  #ran: Promise<void> = Promise.resolve();
  #submitting: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor({ url, token }: StartedYard, { lanes, concurrency }: { lanes: number; concurrency: number }) {
    this.yard = new Yard({ url, token });
    this.#lanes = lanes;
    this.#worker = new Worker({ url, token, name: 'survivor', concurrency, handlers: { noop: () => null } });
  }

  start(): void {
    this.#ran = this.#worker.run();
    this.#submitting = Promise.all(Array.from({ length: this.#lanes }, () => this.#submit()));
  }

  /** No more submissions; resolves when the last was answered. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#submitting;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#worker.stop({ withinMs: 1_000 }).catch(() => undefined);
    await this.#ran.catch(() => undefined);
    await this.yard.close();
  }

  /** Null while no gateway answers. */
  view(): Promise<ClusterResponse | null> {
    return this.yard.cluster().catch(() => null);
  }

  /** Every process is there, and every role has its owner. */
  whole(): Promise<ClusterResponse> {
    return until(
      'a whole cluster',
      async () => {
        const seen = await this.view();
        const isWhole =
          seen !== null &&
          seen.nodes.filter(({ state }) => state === 'up').length >= 18 &&
          seen.roles.every(({ state }) => state === 'active');
        return isWhole ? seen : null;
      },
      { withinMs: 120_000, everyMs: 250 },
    );
  }

  /** Signals the owner of a role, and waits until another is the active owner and submissions are accepted again. */
  async lose(
    role: string,
    signal: NodeJS.Signals,
    withinMs: number,
  ): Promise<{ readonly before: Node; readonly after: Node }> {
    const { roles, nodes } = await this.whole();
    const had = roles.find((one) => one.role === role);
    const before = nodes.find(({ node }) => node === had?.node);
    if (had === undefined || before === undefined) throw new Error(`nobody has ${role}`);
    kill(before.pid, signal);
    const after = await until(
      `another owner of ${role}`,
      async () => {
        const seen = await this.view();
        const now = seen?.roles.find((one) => one.role === role);
        if (now === undefined || now.epoch <= had.epoch || now.state !== 'active') return null;
        return seen?.nodes.find(({ node }) => node === now.node) ?? null;
      },
      { withinMs },
    );
    const accepted = this.acknowledged.size;
    await until('acceptances', () => this.acknowledged.size > accepted + this.#lanes);
    return { before, after };
  }

  /** Codes of refusals that do not tell to try again. */
  get refusedForGood(): string[] {
    return [...this.refused.keys()].filter((code) => !PASSING.includes(code));
  }

  /** The log once every acknowledged task has ended in it, and which of them did not succeed exactly once. */
  async ended(
    home: string,
  ): Promise<{ readonly log: Awaited<ReturnType<typeof readLogOf>>; readonly wrong: readonly string[] }> {
    const log = await until(
      'the ends',
      async () => {
        const found = await readLogOf(home);
        return [...this.acknowledged].every((id) => found.ends.has(id)) ? found : null;
      },
      { withinMs: 120_000, everyMs: 2_000 },
    );
    return {
      log,
      wrong: [...this.acknowledged].filter((id) => log.ends.get(id)?.join() !== 'TaskSucceeded'),
    };
  }

  async #submit(): Promise<void> {
    while (!this.#isOver) {
      try {
        const { id } = await this.yard.tasks.submit({ name: 'noop', run: { handler: 'noop' } });
        this.acknowledged.add(id);
      } catch (error) {
        const code = (error as { code?: string }).code ?? String(error);
        this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
      }
    }
  }
}
