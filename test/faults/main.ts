import { parseArgs } from 'node:util';
import { Campaign } from './campaign.js';
import { FAULTS } from './catalogue.js';
import { sumOfHarm, type Verdict } from './judge/verdict.js';
import { settledIn, writeTable } from './table.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    on: { type: 'string' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
    list: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    'no-table': { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
  },
});

const only = values.only?.flatMap((names) => names.split(','));
const named = FAULTS.filter(
  ({ name, family, on, isLong = false }) =>
    (!isLong || values.list || only?.includes(name) === true) &&
    (values.on === undefined || on === values.on) &&
    (only === undefined || only.some((one) => one === name || one === family)),
);
if (named.length === 0) fail(`no fault is called ${String(only?.join(', '))}; --list shows them all`);
for (const [name, value] of Object.entries({
  seed: values.seed,
  seeds: values.seeds,
  minutes: values.minutes,
}))
  if (!(Number(value) > 0)) fail(`--${name} wants a positive number, not ${value}`);

if (values.list) {
  for (const { name, family, of, on, what } of named)
    console.log(`${name.padEnd(34)} ${family.padEnd(16)} ${of.padEnd(8)} ${on.padEnd(6)} ${what}`);
  process.exit(0);
}

const first = Math.floor(Number(values.seed));
const seeds = Array.from({ length: Math.floor(Number(values.seeds)) }, (_, i) => first + i);
const settled = values.resume ? settledIn(seeds.length) : new Set<string>();
const wanted = named.filter(({ name }) => !settled.has(name));
const campaign = new Campaign({
  until: performance.now() + Number(values.minutes) * 60_000,
  trace: (phase) => {
    if (values.trace) console.log(`  ${(performance.now() / 1_000).toFixed(1)} s  ${phase}`);
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void campaign.abort().then(() => process.exit(130)));
const verdicts: Verdict[] = [];
for await (const verdict of campaign.run(wanted, seeds)) {
  verdicts.push(verdict);
  if (!values['no-table']) writeTable(verdicts);
}
const count = (outcome: string): number => verdicts.filter((verdict) => verdict.outcome === outcome).length;
console.log(
  `${String(count('green'))} green, ${String(count('failed'))} failed, ${String(count('void'))} void, ${String(count('skipped'))} skipped`,
);
const { lost, doubled, fenced } = sumOfHarm(verdicts.map(({ harm }) => harm));
const events = verdicts.reduce((total, { figures }) => total + figures.events, 0);
console.log(
  `${String(events)} events, ${String(lost)} lost, ${String(doubled)} doubled, ${String(fenced)} fenced accepted`,
);
process.exit(count('failed') > 0 || count('void') > 0 ? 1 : 0);

function fail(line: string): never {
  console.error(line);
  process.exit(2);
}
