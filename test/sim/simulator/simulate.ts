import { createHash } from 'node:crypto';
import { commands } from '@yardmaster/contracts';
import { isTerminal } from '@yardmaster/domain';
import { SubmitterRole } from '@yardmaster/submitter';
import {
  faultsOf,
  faultsOfEnds,
  faultsOfRun,
  toldOf,
  type CancelNote,
  type ReportNote,
  type RunNote,
  type SubmissionNote,
} from '../../checkers/index.js';
import { packRoles } from '../pack-roles.js';
import { differences, dumpRoles } from '../state-dump.js';
import { Cell } from './cell.js';
import type { CrashPoints } from './crash-points.js';
import { FAULTS, Faults, type FaultKind } from './faults.js';
import { MAX_DELAY_MS, Network } from './network.js';
import { Random } from './random.js';
import { SimClient } from './sim-client.js';
import { SimProcess } from './sim-process.js';
import { SimWorker, VALID_MS } from './sim-worker.js';
import { VirtualTime } from './virtual-time.js';

/** Everything ends within this time after all is well again (I6): the cap, a lease's silence, a takeover's grace, backoffs. */
const LIVENESS_MS = 240_000;
/** A frame is late by what the network does, and by the time that a worker which stands still may still run. */
const FRAME_MS = MAX_DELAY_MS + VALID_MS;
/** A cancelled attempt is dead by then: the resource manager's patience, a beat, a frame, or its worker's own end. */
const KILL_MS = 30_000;
const SLOTS = [2, 3];
/** What comes of real random bytes: ids, and hashes over sealed content. */
const DRAWN: ReadonlySet<string> = new Set(['installation', 'holder', 'lastHash', 'sha256']);

export interface Verdict {
  readonly seed: number;
  /** Each a sentence; none when all invariants held. */
  readonly faults: readonly string[];
  /** Why the run proves nothing (I20), else null. */
  readonly isVoid: string | null;
  readonly tasks: number;
  readonly landed: Partial<Record<FaultKind, number>>;
  readonly points: CrashPoints;
  readonly upkeep: Cell['upkeep'];
  /** What happened, told step by step. */
  readonly trace: readonly string[];
  /** Of all events that came about: the same seed gives the same. */
  readonly digest: string;
}

/** Plays one history of a whole cell. The seed decides everything: shape, work, faults, order of messages and publishes. */
export async function simulate(seed: number): Promise<Verdict> {
  const random = new Random(seed);
  const time = new VirtualTime();
  const restore = time.install(() => random.next());
  try {
    return await new Simulation(seed, random, time).play();
  } finally {
    restore();
  }
}

type Move =
  'publish' | 'time' | 'submit' | 'repeat' | 'cancel' | 'tokens' | 'pause' | 'worker' | 'upkeep' | 'fault';

class Simulation {
  readonly #network: Network;
  readonly #cell: Cell;
  readonly #client: SimClient;
  readonly #faults: Faults;
  readonly #workers: SimWorker[] = [];
  readonly #found: string[] = [];
  readonly #trace: string[] = [];
  readonly #journal = {
    submissions: [] as SubmissionNote[],
    cancels: [] as CancelNote[],
    runs: [] as RunNote[],
    reports: [] as ReportNote[],
  };
  readonly #kinds: readonly FaultKind[];
  #incarnations = 0;

  constructor(
    private readonly seed: number,
    private readonly random: Random,
    private readonly time: VirtualTime,
  ) {
    const partitions = random.between(1, 2);
    const shape = random.pick(['one, proposed', 'one, committed', 'apart'] as const);
    this.#network = new Network(time, random);
    this.#cell = new Cell(
      {
        partitions,
        handOver: shape === 'one, committed' ? 'committed' : 'proposed',
        apart: shape === 'apart',
      },
      this.#network,
      time,
    );
    this.#cell.onSaid = (line) => {
      this.#say(line);
    };
    this.#faults = new Faults(this.#cell, this.#network, time, random);
    const client = new SimProcess('client', time);
    this.#client = new SimClient(
      this.#network.endpoint(client),
      client,
      partitions,
      time,
      random,
      this.#journal,
    );
    // Few kinds of faults at a time find more than all of them always.
    this.#kinds = FAULTS.filter(() => random.chance(0.4));
    this.#say(
      `seed ${String(seed)}: ${shape}, ${String(partitions)} partitions, faults: ${this.#kinds.join(', ')}`,
    );
  }

  async play(): Promise<Verdict> {
    const { random, time } = this;
    try {
      await this.#begin();
      const steps = random.between(40, 160);
      for (let i = 0; i < steps; i++) {
        await this.#move();
        await time.settle();
        packRoles(this.#cell.roles());
      }
      await this.#drain();
      await this.#judge();
    } catch (error) {
      this.#found.push(
        `the simulation broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
    for (const worker of this.#workers) this.#say(worker.describe());
    for (const { process } of this.#cell.services) process.kill();
    this.#found.push(
      ...time.uncaught.map(
        (error) => `I19 nobody caught ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
      ),
    );
    const landed = this.#faults.total();
    const told = toldOf(this.#cell);
    return {
      seed: this.seed,
      faults: [...new Set(this.#found)],
      isVoid: this.#isVoid(told.size, [...told.values()].filter(({ succeeded }) => succeeded).length, landed),
      tasks: told.size,
      landed,
      points: this.#cell.points,
      upkeep: this.#cell.upkeep,
      trace: this.#trace,
      digest: this.#digest(),
    };
  }

  async #begin(): Promise<void> {
    for (let slot = 0; slot < this.#cell.slots; slot++) this.#cell.start(slot);
    await this.time.advance(1_000);
    this.#client.process.run(() => {
      void this.#admin();
    });
    for (const n of SLOTS.keys()) this.#newWorker(n);
    await this.time.advance(1_000);
    if (!this.#cell.isActive) throw new Error('the cell did not start');
    this.#cell.log.hold();
  }

  /** Tenant 2 has a limit that it will meet. */
  async #admin(): Promise<void> {
    const bus = this.#network.endpoint(this.#client.process);
    const subscription = {
      name: 'tiny',
      tasksPerHour: 20,
      burstPerSecond: null,
      maxWaiting: null,
      weight: 1,
    };
    await bus.request(commands.limits, { op: 'put-subscription', subscription });
    await bus.request(commands.limits, {
      op: 'put-tenant',
      tenantName: 'small',
      subscription: 'tiny',
      trusted: false,
    });
  }

  #newWorker(n: number): void {
    const { time, random } = this;
    const worker = new SimWorker(
      `w${String(n)}`,
      ++this.#incarnations,
      SLOTS[n] ?? 2,
      this.#network,
      time,
      random,
      {
        runs: this.#journal.runs,
        reports: this.#journal.reports,
        onRun: (task, attempt, fence) => {
          this.#found.push(...faultsOfRun(this.#cell, task, attempt, fence));
        },
      },
    );
    this.#workers[n] = worker;
    worker.start();
  }

  async #move(): Promise<void> {
    const { random } = this;
    const move = random.weighted<Move>({
      publish: 14,
      time: 10,
      submit: 6,
      repeat: 1,
      cancel: 2,
      tokens: 2,
      pause: 0.3,
      worker: 0.8,
      upkeep: 1.5,
      ...(this.#kinds.length > 0 ? { fault: 3 } : {}),
    });
    switch (move) {
      case 'publish':
        for (let n = random.between(1, 5); n > 0; n--) {
          if (!this.#cell.step((count) => random.below(count))) break;
          if (random.chance(0.5)) await this.time.settle();
        }
        return;
      case 'time':
        await this.#pass(random.pick([5, 50, 200, 1_000, 3_000, 3_000, random.chance(0.1) ? 36_000 : 8_000]));
        return;
      case 'submit':
        this.#client.submit();
        return;
      case 'repeat':
        this.#client.repeat();
        return;
      case 'cancel':
        this.#client.cancel();
        return;
      case 'tokens':
        this.#client.takeTokens(2);
        return;
      case 'pause':
        this.#pause(random.chance(0.4));
        return;
      case 'worker':
        this.#trouble();
        return;
      case 'upkeep':
        this.#cell.keepUp(random.chance(0.5) ? random.below(40) : Infinity);
        return;
      case 'fault':
        this.#say(this.#faults.strike(random.pick(this.#kinds)));
    }
  }

  /** Time passes; mostly the broker works meanwhile. */
  async #pass(ms: number): Promise<void> {
    const isBusy = ms > 200 && this.random.chance(0.9);
    if (isBusy) this.#cell.log.release();
    await this.time.advance(ms);
    if (isBusy) this.#cell.log.hold();
  }

  #pause(paused: boolean): void {
    this.#client.process.run(() => {
      void this.#network
        .endpoint(this.#client.process)
        .request(commands.queue(), { op: 'pause', queue: 'default', paused });
    });
  }

  /** A worker dies, leaves, is cut off or stands still. */
  #trouble(): void {
    const { random, time } = this;
    const n = random.below(SLOTS.length);
    const worker = this.#workers[n];
    if (worker === undefined) return;
    const what = random.pick(['dies', 'leaves', 'is cut off', 'stands still', 'comes back'] as const);
    const ms = random.between(500, random.chance(0.4) ? 50_000 : 8_000);
    this.#say(`worker ${worker.process.name} ${what} (${String(ms)} ms)`);
    const isAlive = (): boolean => worker.process.state !== 'dead';
    if (!isAlive() || what === 'dies' || what === 'leaves') {
      if (what === 'leaves') worker.leave();
      else worker.kill();
      time.after(
        ms,
        () => {
          if (this.#workers[n] === worker) this.#newWorker(n);
        },
        null,
      );
    } else if (what === 'is cut off') {
      worker.process.isCutFromOthers = true;
      time.after(
        ms,
        () => {
          worker.process.isCutFromOthers = false;
          worker.rejoin();
        },
        null,
      );
    } else if (what === 'stands still') {
      worker.standStill();
      time.after(
        ms,
        () => {
          worker.process.resume();
        },
        null,
      );
    } else worker.rejoin();
  }

  async #drain(): Promise<void> {
    const { time } = this;
    this.#say('all is well again');
    this.#faults.heal();
    this.#cell.log.release();
    for (const n of SLOTS.keys()) {
      const worker = this.#workers[n];
      if (worker === undefined || worker.process.state === 'dead') this.#newWorker(n);
      else {
        worker.process.isCutFromOthers = false;
        worker.process.resume();
        worker.rejoin();
      }
    }
    await time.advance(3_000);
    this.#pause(false);
    for (let waited = 0; waited < LIVENESS_MS && !this.#isIdle(); waited += 2_000) {
      this.#faults.revive();
      await time.advance(2_000);
    }
    await time.advance(1_000);
  }

  #isIdle(): boolean {
    return (
      this.#client.open === 0 &&
      this.#cell.isActive &&
      this.#cell.leftovers().length === 0 &&
      faultsOfEnds(this.#cell, [], true).length === 0
    );
  }

  async #judge(): Promise<void> {
    const cell = this.#cell;
    this.#found.push(
      ...faultsOf(cell, {
        isDrained: true,
        journal: this.#journal,
        bounds: { frameMs: FRAME_MS, killMs: KILL_MS },
      }),
      ...cell.leftovers(),
    );
    if (!cell.isActive) this.#found.push('I6 the cell is not active at the end');
    if (this.#found.length > 0) return;
    // What is folded from the log alone is what those who wrote it knew.
    const live = this.#dump();
    for (const service of [...cell.services]) cell.kill(service, () => true);
    this.#faults.revive();
    await this.time.settle();
    this.#found.push(...differences(live, this.#dump()).map((path) => `replay differs at ${path}`));
  }

  /** Owners forget ended tasks by the clock, not by the log: those are left out. */
  #dump(): unknown {
    for (const role of this.#cell.roles())
      if (role instanceof SubmitterRole) {
        for (const [id, task] of role.state.tasks) if (isTerminal(task.state)) role.state.tasks.delete(id);
        for (const [id, workflow] of role.state.workflows)
          if (workflow.state !== 'running') role.state.workflows.delete(id);
      }
    return dumpRoles(this.#cell.roles());
  }

  #isVoid(tasks: number, succeeded: number, landed: Partial<Record<FaultKind, number>>): string | null {
    if (tasks < 3 || succeeded < 2) return `only ${String(succeeded)} of ${String(tasks)} tasks succeeded`;
    if (Object.keys(landed).length === 0 && this.#kinds.length > 0) return 'no fault landed';
    return null;
  }

  #digest(): string {
    const hash = createHash('sha256');
    for (const stream of this.#cell.streams)
      for (const { seq, events } of this.#cell.disk(stream))
        hash.update(
          JSON.stringify([stream, seq, events], (key, value: unknown) =>
            DRAWN.has(key) ? undefined : value,
          ),
        );
    return hash.digest('hex').slice(0, 16);
  }

  #say(line: string): void {
    this.#trace.push(`${String(this.time.now).padStart(7)} ${line}`);
  }
}
