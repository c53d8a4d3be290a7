import { setTimeout as pause } from 'node:timers/promises';
import { faultsOf } from '../checkers/index.js';
import { Standstill } from './tools/standstill.js';
import { until } from './tools/until.js';
import { Random } from '../sim/simulator/random.js';
import type { Fault, Proof } from './fault.js';
import { faultsOfOutput } from './judge/crashes.js';
import { faultsOfTruth } from './judge/ground-truth.js';
import { RealLog } from './judge/real-log.js';
import { type Figures, harmOf, type Verdict } from './judge/verdict.js';
import { faultOfViews } from './judge/views.js';
import { Load } from './load/load.js';
import { bootMs, executionsIn, runNotes } from './load/truth.js';
import type { Child } from './yard/child.js';
import type { Places } from './yard/places.js';
import { PATIENCE_MS } from './yard/wholeness.js';
import type { YardUnderTest } from './yard/yard-under-test.js';

const HOLD_MS = 3_000;
/** Load goes on for so long after the yard has come back. */
const AFTERWARDS_MS = 3_000;
/** Fewer acceptances than this prove nothing. */
const FEWEST_CALLS = 30;
/** A frame on its way, and how long a worker that is not reached may go on. */
const BOUNDS = { frameMs: 15_000, killMs: 35_000 };
/** So many sentences tell what is wrong. */
const MOST_FAULTS = 5;

/** One yard, the load on it and the log read so far: faults are tried on it one after the other. */
export class Bench {
  readonly load: Load;
  readonly log = new RealLog();
  readonly yard: YardUnderTest;
  readonly places: Places;

  readonly #trace: (phase: string) => void;

  constructor(yard: YardUnderTest, places: Places, trace: (phase: string) => void) {
    this.#trace = trace;
    this.yard = yard;
    this.places = places;
    this.load = new Load(yard, places);
  }

  async close(): Promise<void> {
    await this.load.close();
    await this.yard.stop();
  }

  /** Load, strike, heal, load again, rest, judgement. */
  async try(fault: Fault, seed: number): Promise<Verdict> {
    const { yard, load, log, places } = this;
    const standstill = new Standstill();
    const random = new Random(seed * 7_919 + fault.name.length);
    const began = performance.now();
    await yard.whole();
    await this.#read();
    const before = {
      events: log.events,
      takeovers: log.takeovers,
      accepted: load.accepted,
      tasks: load.tasks,
    };
    const said = new Map(this.#children().map((child) => [child.name, child.said().length]));
    load.wrong.length = 0;
    load.start(seed);
    const faults: string[] = [];
    let proof: Proof | null = null;
    try {
      this.#trace('load');
      await until('tasks to begin with', () => load.accepted - before.accepted > 15, {
        withinMs: PATIENCE_MS,
      });
      await pause(random.between(300, 1_500));
      load.watch();
      const struckAt = bootMs();
      this.#trace('strike');
      const strike = await fault.strike({ yard, places, load, random });
      await pause(fault.holdMs ?? HOLD_MS);
      this.#trace('heal');
      await strike.heal?.();
      await until('acceptances after the fault', () => load.lastAcceptedAt > struckAt + 200, {
        withinMs: PATIENCE_MS,
      });
      this.#trace('whole');
      await yard.whole();
      await pause(AFTERWARDS_MS);
      await load.stop();
      this.#trace('rest');
      await this.#rest();
      this.#trace('judge');
      proof = await strike.proof();
      faults.push(...(proof.wrong ?? []), ...(await this.#judge(fault, said)));
    } catch (error) {
      faults.push(`the run broke off: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await load.stop();
    }
    const figures: Figures = {
      events: log.events - before.events,
      tasks: load.tasks - before.tasks,
      takeovers: log.takeovers - before.takeovers,
      gapMs: load.longestGapMs,
      seconds: Math.round((performance.now() - began) / 1_000),
    };
    standstill.stop();
    const isVoid = proof?.hit === false || load.accepted - before.accepted < FEWEST_CALLS;
    return {
      fault: fault.name,
      seed,
      outcome: faults.length > 0 ? 'failed' : isVoid ? 'void' : 'green',
      seen: [proof?.seen, standstill.note()].filter((text) => text !== undefined && text !== '').join('; '),
      faults: faults.slice(0, MOST_FAULTS),
      figures,
      harm: harmOf(faults),
    };
  }

  #children(): Child[] {
    return [...this.yard.nodes.values(), this.yard.agent];
  }

  /** Waits until everything that was acknowledged has ended; what never does is for the judge. */
  async #rest(): Promise<void> {
    const { load, log, yard } = this;
    const ids = new Set(load.submissions.flatMap(({ ids }) => ids));
    await until(
      'the ends',
      async () => {
        // A broker that has just come back may not answer yet.
        const isRead = await log.readOn(yard).then(
          () => true,
          () => false,
        );
        if (!isRead) return false;
        for (const id of ids) if (log.ends.has(id)) ids.delete(id);
        return ids.size === 0;
      },
      { withinMs: 180_000, everyMs: 1_000 },
    ).catch(() => undefined);
    // Ends of workflows, and of what a crash left behind, come last.
    await pause(500);
    await this.#read();
  }

  async #read(): Promise<void> {
    let last: unknown;
    await until(
      'the log',
      async () => {
        try {
          await this.log.readOn(this.yard);
          return true;
        } catch (error) {
          last = error;
          return false;
        }
      },
      { withinMs: 60_000, everyMs: 500 },
    ).catch(() => {
      throw new Error(`the log cannot be read: ${String(last)}`);
    });
  }

  async #judge(fault: Fault, said: ReadonlyMap<string, number>): Promise<string[]> {
    const { load, log, yard, places } = this;
    const executions = executionsIn(places.truth);
    const journal = {
      submissions: load.submissions,
      cancels: load.cancels,
      reports: load.reports,
      runs: fault.overlaps === undefined ? runNotes(executions) : [],
    };
    const ours = new Set(load.submissions.flatMap(({ ids }) => ids));
    const views = await faultOfViews(yard.client);
    return [
      ...faultsOf(log, { isDrained: true, journal, bounds: BOUNDS }),
      ...faultsOfTruth(log, executions, (id) => ours.has(id)),
      ...load.wrong,
      ...faultsOfOutput(this.#children(), said),
      ...(views === null ? [] : [views]),
    ];
  }
}
