import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { campaign } from './campaign.js';
import { PlayerProcess } from './player-process.js';
import { simulate } from './simulate.js';
import { outcomeOf, report, Tally } from './tally.js';

/** A night is enough for anyone. */
const MINUTES = 600;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    processes: { type: 'string' },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (Number(value) > 0) continue;
  console.error(`--${name} wants a positive number, not ${value}`);
  process.exit(2);
}
const firstSeed = Number(values.seed ?? 1);

async function tellOne(): Promise<boolean> {
  const verdict = await simulate(firstSeed);
  const tally = new Tally();
  tally.add(outcomeOf(verdict));
  console.log(verdict.trace.join('\n'));
  if (verdict.isVoid !== null) console.log(`void: ${verdict.isVoid}`);
  for (const failed of tally.failed) console.log(report(failed));
  console.log(tally.summary());
  return tally.failed.length === 0;
}

async function playMany(): Promise<boolean> {
  const count = Number(values.processes ?? Math.min(2, availableParallelism()));
  const processes = Array.from({ length: count }, () => new PlayerProcess());
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      for (const player of processes) player.stop();
      process.exit(1);
    });
  const tally = await campaign(
    { firstSeed, seeds: Number(values.seeds ?? 1_000), seconds: Number(values.minutes ?? MINUTES) * 60 },
    processes.map((player) => (seed) => player.play(seed)),
    (outcome) => {
      console.log(report(outcome));
    },
  );
  for (const player of processes) player.stop();
  console.log(`from seed ${String(firstSeed)} on: ${tally.summary()}`);
  return tally.failed.length === 0 && tally.proved > 0;
}

const isWell = await (values.seed !== undefined && values.seeds === undefined ? tellOne() : playMany());
process.exitCode = isWell ? 0 : 1;
