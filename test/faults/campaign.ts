import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { killTree } from '../support/processes.js';
import type { Fault } from './fault.js';
import { NO_HARM, NOTHING, type Verdict } from './judge/verdict.js';
import { prepare } from './tools/prepare.js';
import { Bench } from './trial.js';
import { startAlone } from './yard/alone.js';
import { startApart } from './yard/apart.js';
import { placesIn } from './yard/places.js';

/** A yard serves until its log has so many events: each judgement reads all of it again, log and views. */
const MOST_EVENTS = 150_000;

/** Tries faults one after the other. Those that need the same yard share it, as starts are slow. */
export class Campaign {
  readonly #until: number;
  #bench: Bench | null = null;
  /** Of the present yard, also while it starts. */
  #root: string | null = null;
  #release: () => void = () => undefined;
  #isAborted = false;

  readonly #trace: (phase: string) => void;

  constructor({ until, trace }: { readonly until: number; readonly trace: (phase: string) => void }) {
    this.#until = until;
    this.#trace = trace;
  }

  async *run(faults: readonly Fault[], seeds: readonly number[]): AsyncGenerator<Verdict> {
    const groups = Map.groupBy(faults, ({ on, needs }) => JSON.stringify([on, needs]));
    for (const group of groups.values()) {
      for (const fault of group)
        for (const seed of seeds) {
          if (this.#isAborted || performance.now() > this.#until) break;
          const verdict = await this.#verdictOf(fault, seed);
          // What an abort broke off says nothing of the yard.
          if (this.#isAborted) break;
          tell(verdict);
          yield verdict;
          if (verdict.outcome === 'failed') await this.#keep(fault, seed);
          else if ((this.#bench?.log.events ?? 0) > MOST_EVENTS) await this.#end();
          if (verdict.outcome === 'skipped') break;
        }
      await this.#end();
    }
  }

  async abort(): Promise<void> {
    this.#isAborted = true;
    await this.#end();
  }

  async #verdictOf(fault: Fault, seed: number): Promise<Verdict> {
    const blank = { fault: fault.name, seed, seen: '', faults: [], figures: NOTHING, harm: NO_HARM };
    const missing = fault.missing?.() ?? null;
    if (missing !== null) return { ...blank, outcome: 'skipped', seen: missing };
    try {
      this.#bench ??= await this.#start(fault);
    } catch (error) {
      await this.#end({ keep: true });
      const why = `the yard did not start: ${error instanceof Error ? error.message : String(error)}`;
      return { ...blank, outcome: 'failed', faults: [why] };
    }
    return await this.#bench.try(fault, seed);
  }

  async #start({ on, needs = {} }: Fault): Promise<Bench> {
    const places = placesIn(mkdtempSync(path.join(tmpdir(), 'yard-faults-')));
    this.#root = places.root;
    const prepared = prepare(places, needs);
    this.#release = prepared.release;
    const began = performance.now();
    const yard = await (on === 'alone' ? startAlone : startApart)(places, needs, prepared);
    console.log(
      `a yard ${on} is up after ${((performance.now() - began) / 1_000).toFixed(0)} s in ${places.root}`,
    );
    return new Bench(yard, places, this.#trace);
  }

  /** A yard in which something went wrong serves no other fault; its home stays. */
  async #keep({ name }: Fault, seed: number): Promise<void> {
    const root = this.#root;
    await this.#end({ keep: true });
    console.log(`  again: npm run test:faults -- --only ${name} --seed ${String(seed)}`);
    if (root !== null) console.log(`  kept:  ${root}`);
  }

  async #end({ keep = false } = {}): Promise<void> {
    const [bench, root] = [this.#bench, this.#root];
    this.#bench = this.#root = null;
    if (root === null) return;
    await bench?.close().catch((error: unknown) => {
      console.log(`  the yard did not stop in order: ${String(error)}`);
    });
    await killTree(root);
    this.#release();
    this.#release = () => undefined;
    if (!keep) rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

function tell({ fault, seed, outcome, seen, faults, figures }: Verdict): void {
  const { events, tasks, takeovers, gapMs, seconds } = figures;
  console.log(
    `${outcome.toUpperCase().padEnd(8)}${fault} (seed ${String(seed)}): ${seen}` +
      (outcome === 'skipped'
        ? ''
        : `  [${String(events)} events, ${String(tasks)} tasks, ${String(takeovers)} takeovers, gap ${(gapMs / 1_000).toFixed(1)} s, ${String(seconds)} s]`),
  );
  for (const line of faults) console.log(`  ${line}`);
}
