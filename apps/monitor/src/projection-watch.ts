import type { ProjectionReport } from '@yardmaster/contracts';

/** Longest wait for a store before somebody should look. */
const WAITING_MS = 60_000;
/** A view that is so many events behind for so long does not catch up by itself. */
const FAR_BEHIND = 1_000_000;
const FAR_BEHIND_MS = 60_000;
const SILENT_MS = 15_000;
/** A view that nobody has kept for this long is no concern any more. */
const FORGOTTEN_MS = 3_600_000;

export interface ProjectionFinding {
  readonly projection: string;
  readonly message: string;
  readonly action: string;
}

interface Heard {
  report: ProjectionReport;
  at: number;
  /** Since when it is in this state, and since when it is far behind. */
  stateSince: number;
  behindSince: number | null;
}

/** What the keepers of the views say of them, and when that calls for somebody. */
export class ProjectionWatch {
  /** By view and process: one may wait behind another. */
  readonly #heard = new Map<string, Heard>();

  hear(report: ProjectionReport, now: number): void {
    const key = `${report.projection}/${report.node}`;
    const before = this.#heard.get(key);
    const isFar = report.lagEvents >= FAR_BEHIND;
    this.#heard.set(key, {
      report,
      at: now,
      stateSince: before?.report.state === report.state ? before.stateSince : now,
      behindSince: isFar ? (before?.behindSince ?? now) : null,
    });
  }

  findings(now: number): ProjectionFinding[] {
    for (const [key, { at }] of this.#heard) if (now - at > FORGOTTEN_MS) this.#heard.delete(key);
    const views = Map.groupBy(this.#heard.values(), ({ report }) => report.projection);
    return [...views.values()].flatMap((keepers) => this.#finding(keepers, now) ?? []);
  }

  #finding(keepers: readonly Heard[], now: number): ProjectionFinding | null {
    const talking = keepers.filter(({ at }) => now - at < SILENT_MS);
    const one = talking.find(({ report }) => report.state === 'running') ?? talking[0] ?? newest(keepers);
    const { projection, state, error, lagEvents, node } = one.report;
    const isFar = one.behindSince !== null && now - one.behindSince >= FAR_BEHIND_MS;
    const found = (message: string, action: string): ProjectionFinding => ({ projection, message, action });
    if (talking.length === 0)
      return found(
        `nobody has kept the ${projection} view since ${node} fell silent: lists or graphs stay as they were`,
        'look at the projector, and start it again',
      );
    if (state === 'halted')
      return found(
        `the ${projection} view has halted: ${String(error)}`,
        'do what the message says; `yard admin verify` compares the view with the log, `yard admin rebuild` makes it anew',
      );
    if (state === 'waiting' && now - one.stateSince >= WAITING_MS)
      return found(
        `the ${projection} view has waited for its store for ${seconds(now - one.stateSince)}: ${String(error)}`,
        `start ${projection === 'graph' ? 'Neo4j' : 'Postgres'} again, or look at its log`,
      );
    if (isFar)
      return found(
        `the ${projection} view is ${String(lagEvents)} events behind the log`,
        'look at the load of its database, or wait for a rebuild under way to end',
      );
    return null;
  }
}

function newest(keepers: readonly Heard[]): Heard {
  return keepers.reduce((a, b) => (b.at > a.at ? b : a));
}

const seconds = (ms: number): string => `${String(Math.round(ms / 1000))} s`;
