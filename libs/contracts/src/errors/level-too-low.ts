import { rejection, type Rejection } from './catalogue.js';

/** What it would write, nodes of the version before could not read. `what` begins the sentence; `now`: level of the cluster. */
export function levelTooLow(what: string, needed: number, now: number): Rejection {
  return rejection(
    'conflict',
    `${what} needs feature level ${String(needed)} and the cluster works at ${String(now)}: run \`yard admin feature-level raise\` when every node is of the new version`,
  );
}
