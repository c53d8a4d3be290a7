import { projectedStreams, streams } from '@yardmaster/contracts';
import type { Bus, CommittedLog, Logger, Metrics } from '@yardmaster/service-kit';
import type { ProjectionStatus } from './follow/keep-going.js';
import { Turns } from './follow/turns.js';
import { GraphProjection } from './graph/graph-projection.js';
import { ProjectionDesk } from './projection-desk.js';
import type { Projection } from './projection.js';
import { RelationalProjection } from './relational/relational-projection.js';
import type { ProjectorStores } from './stores.js';

export interface ProjectionsOptions {
  readonly log: CommittedLog;
  readonly bus: Bus;
  /** Name of this process. */
  readonly node: string;
  readonly partitions: number;
  readonly stores: ProjectorStores;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'set'>;
  /** Throw away what is stored before the first session, and make it anew from the log. Default false. */
  readonly isRebuilding?: boolean;
}

interface Kept {
  readonly projection: Projection;
  readonly desk: ProjectionDesk;
}

type Told = (events: {
  readonly onStatus: (status: ProjectionStatus, cause: unknown) => void;
  readonly onLag: (events: number, positions: Readonly<Record<string, number>>) => void;
}) => Projection;

/** The projections that this process keeps. */
export class Projections {
  readonly #kept: readonly Kept[];
  readonly #verifications = new Turns();

  constructor(private readonly options: ProjectionsOptions) {
    const { log, partitions, stores, isRebuilding = false } = options;
    const { postgres, graph } = stores;
    const tasks = Array.from({ length: partitions }, (_, p) => streams.tasks(p));
    const make: Told[] = [];
    if (postgres !== null)
      make.push(
        (told) =>
          new RelationalProjection({
            log,
            streams: projectedStreams(partitions),
            postgres,
            isRebuilding,
            ...told,
          }),
      );
    if (graph !== null)
      make.push((told) => new GraphProjection({ log, streams: tasks, graph, isRebuilding, ...told }));
    this.#kept = make.map((each) => this.#keep(each));
  }

  get names(): readonly string[] {
    return this.#kept.map(({ projection: { name } }) => name);
  }

  /** All of them, unless one is named. */
  start(only?: string): void {
    for (const { projection, desk } of this.#these(only)) {
      desk.start();
      projection.start();
    }
  }

  status(): Readonly<Record<string, ProjectionStatus>> {
    return Object.fromEntries(this.#kept.map(({ projection: { name, status } }) => [name, status]));
  }

  async stop(only?: string): Promise<void> {
    const these = this.#these(only);
    for (const { desk } of these) desk.stop();
    await Promise.all(these.map(({ projection }) => projection.stop()));
  }

  #these(only: string | undefined): readonly Kept[] {
    return this.#kept.filter(({ projection: { name } }) => only === undefined || only === name);
  }

  #keep(make: Told): Kept {
    const { bus, node, logger, metrics } = this.options;
    const told = teller(logger);
    const projection = make({
      onStatus: (status, cause) => {
        told(projection.name, status, cause);
        desk.changed();
      },
      onLag: (events, positions) => {
        metrics.set('yard_projection_lag_events', events, { projection: projection.name });
        desk.lag(events, positions);
      },
    });
    const desk = new ProjectionDesk(projection, bus, node, this.#verifications);
    return { projection, desk };
  }
}

/** A store that is still coming up is nothing to worry about. */
const COMING_UP_MS = 60_000;

/** Says each change once: each try says the same again for as long as the store is away. */
function teller(logger: Logger): (name: string, status: ProjectionStatus, cause: unknown) => void {
  let last = '';
  let calmUntil = performance.now() + COMING_UP_MS;
  return (name, status, cause) => {
    const isCalm = performance.now() < calmUntil;
    if (status.state === 'running') calmUntil = 0;
    const said = `${status.state} ${String(status.error)} ${String(isCalm)}`;
    if (said !== last) tell(logger, name, status, cause, isCalm);
    last = said;
  };
}

function tell(
  logger: Logger,
  projection: string,
  { state, error }: ProjectionStatus,
  cause: unknown,
  isCalm: boolean,
): void {
  const detail = { projection, state };
  if (state === 'halted')
    logger.error({ ...detail, err: cause }, `the ${projection} projection has halted: ${String(error)}`);
  else if (state === 'waiting')
    logger[isCalm ? 'info' : 'warn'](
      { ...detail, reason: error },
      `the ${projection} projection waits for its store`,
    );
  else logger.info(detail, `the ${projection} projection is ${state}`);
}
