import type { Random } from '../sim/simulator/random.js';
import type { Load } from './load/load.js';
import type { Places } from './yard/places.js';
import type { YardUnderTest } from './yard/yard-under-test.js';

export const FAMILIES = [
  'process',
  'power and disk',
  'data',
  'network',
  'messaging',
  'lying workers',
  'hostile tasks',
  'time',
  'load',
] as const;
export type Family = (typeof FAMILIES)[number];

/** `alone`: the whole yard in one process with one nats-server. `apart`: two of every service and three nats-servers. */
export type Composition = 'alone' | 'apart';

/** One fault: what it does to which real process, how that is healed, and how it is known to have hit. */
export interface Fault {
  /** As `--only` takes it. */
  readonly name: string;
  readonly family: Family;
  /** Numbers of the catalogue. */
  readonly of: string;
  /** What is done, in one phrase. */
  readonly what: string;
  readonly on: Composition;
  /** What its yard needs beyond the usual one; such a yard serves this fault alone. */
  readonly needs?: Needs;
  /** It takes so long that it runs only when it is named. */
  readonly isLong?: boolean;
  /** Why it cannot run on this machine; null when it can. */
  readonly missing?: () => string | null;
  /** Between strike and heal, ms; default 3,000. */
  readonly holdMs?: number;
  /** Why one attempt may begin while an earlier one of the same task still goes on; left out = never. */
  readonly overlaps?: string;
  readonly strike: (scene: Scene) => Promise<Strike>;
}

export interface Needs {
  /** A yard of its own by this name: what this fault leaves is no place for others. */
  readonly own?: string;
  readonly neo4j?: boolean;
  /** Directories of the state directory that get a small file system of their own, MiB each. */
  readonly small?: Readonly<Record<string, number>>;
  /** The same, as disks of which the power can be cut. */
  readonly disks?: Readonly<Record<string, number>>;
  /** Nodes whose clock can be set (`clocks` of the yard). */
  readonly clocks?: readonly string[];
  /** Services reach a server through a proxy that can be told to misbehave. */
  readonly proxied?: readonly ('nats' | 'postgres')[];
  /** Environment of the nodes whose names begin so. */
  readonly env?: Readonly<Record<string, NodeJS.ProcessEnv>>;
  /** For both kinds: environment of the agent. */
  readonly agentEnv?: NodeJS.ProcessEnv;
}

export interface Strike {
  /** Left out = it heals by itself. */
  readonly heal?: () => Promise<void>;
  /** The vacuity guard, asked when everything has come to rest: a fault that did not hit proves nothing. */
  readonly proof: () => Promise<Proof>;
}

export interface Proof {
  readonly hit: boolean;
  /** What was seen of it, for the table. */
  readonly seen: string;
  /** What should not have been seen: each makes the run fail. */
  readonly wrong?: readonly string[];
}

export interface Scene {
  readonly yard: YardUnderTest;
  readonly places: Places;
  readonly load: Load;
  readonly random: Random;
}
