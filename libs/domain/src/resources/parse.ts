import { err, ok, type Result } from '@yardmaster/kernel';
import type { ResourceVector } from '../events/index.js';
import { didYouMean } from '../text/index.js';
import { parseAmount, type Unit } from './amount.js';
import { TIERS, type Tier } from './vector.js';

export interface ResourceProblem {
  /** Name of the dimension, or '' for the whole. */
  readonly path: string;
  readonly message: string;
}

/** Dimensions that the yard knows, in the order in which they are shown. */
export const DIMENSIONS: Readonly<Record<string, Unit>> = {
  cpu: 'thousandths',
  memory: 'bytes',
  disk: 'bytes',
  iops: 'count',
  network: 'bits',
  ports: 'count',
  gpu: 'thousandths',
  slots: 'count',
};
const KNOWN = Object.keys(DIMENSIONS);
/** Names that people write for a known dimension; as custom names they would make a task that fits nowhere. */
const SYNONYMS: Readonly<Record<string, string>> = {
  cpus: 'cpu',
  core: 'cpu',
  cores: 'cpu',
  vcpu: 'cpu',
  vcpus: 'cpu',
  mem: 'memory',
  ram: 'memory',
  storage: 'disk',
  disc: 'disk',
  net: 'network',
  bandwidth: 'network',
  gpus: 'gpu',
  slot: 'slots',
  port: 'ports',
};
const CUSTOM_NAME = /^[a-z][a-z0-9._/-]{0,62}$/;
// Reads of plain objects by this name find a function.
const RESERVED = 'constructor';

/** Reads a tier's name or an explicit vector; what is left out or 0 is absent from the answer. All problems
 * are told at once. */
export function parseResources(input: unknown): Result<ResourceVector, readonly ResourceProblem[]> {
  if (typeof input === 'string') return parseTier(input);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return err([
      {
        path: '',
        message: `resources are a tier (${tierNames()}) or amounts, as in {cpu: "2", memory: "4G"}`,
      },
    ]);
  }
  const problems: ResourceProblem[] = [];
  const amounts = new Map<string, number>();
  for (const [name, given] of Object.entries(input)) {
    const wrongName = nameProblem(name);
    if (wrongName !== null) {
      problems.push({ path: name, message: wrongName });
      continue;
    }
    const amount = parseAmount(DIMENSIONS[name] ?? 'count', given);
    if (!amount.ok) problems.push({ path: name, message: `${name}: ${amount.error}` });
    else if (amount.value > 0) amounts.set(name, amount.value);
  }
  return problems.length > 0 ? err(problems) : ok(inFixedOrder(amounts));
}

function parseTier(name: string): Result<ResourceVector, readonly ResourceProblem[]> {
  if (Object.hasOwn(TIERS, name)) return ok(TIERS[name as Tier]);
  const meant = didYouMean(name, Object.keys(TIERS));
  const hint = meant === null ? `tiers are ${tierNames()}` : `did you mean "${meant}"?`;
  return err([{ path: '', message: `there is no tier ${JSON.stringify(name.slice(0, 40))}: ${hint}` }]);
}

function nameProblem(name: string): string | null {
  if (Object.hasOwn(DIMENSIONS, name)) return null;
  const lower = name.toLowerCase();
  const meant = Object.hasOwn(SYNONYMS, lower) ? SYNONYMS[lower]! : didYouMean(name, KNOWN);
  const quoted = JSON.stringify(name.slice(0, 40));
  if (meant !== null) return `there is no resource ${quoted}: did you mean "${meant}"?`;
  if (!CUSTOM_NAME.test(name) || name === RESERVED) {
    return `${quoted} cannot name a resource: small letters, digits and ._/- , starting with a letter, at most 63`;
  }
  return null;
}

/** The same amounts always give the same text, so that equal vectors intern as one. */
function inFixedOrder(amounts: ReadonlyMap<string, number>): ResourceVector {
  const vector: Record<string, number> = {};
  const custom = [...amounts.keys()].filter((name) => !Object.hasOwn(DIMENSIONS, name)).sort();
  for (const name of [...KNOWN, ...custom]) {
    const amount = amounts.get(name);
    if (amount !== undefined) vector[name] = amount;
  }
  return vector;
}

function tierNames(): string {
  return Object.keys(TIERS).join(', ');
}

/** An amount as people read it: `0.5`, `512MB`, `100Mbit`, `3`. */
export function formatAmount(name: string, amount: number): string {
  switch (DIMENSIONS[name] ?? 'count') {
    case 'thousandths':
      return String(amount / 1_000);
    case 'bytes':
      return scaled(amount, 'B');
    case 'bits':
      return scaled(amount, 'bit');
    case 'count':
      return String(amount);
  }
}

function scaled(amount: number, unit: string): string {
  let power = 0;
  let shown = amount;
  while (shown >= 1_000 && power < 5) {
    shown /= 1_000;
    power++;
  }
  return `${Math.round(shown * 100) / 100}${['', 'k', 'M', 'G', 'T', 'P'][power]!}${unit}`;
}
