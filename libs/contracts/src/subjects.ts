/** Every subject and stream name in one place. */
export const CELL = 'main';

export const streams = {
  cluster: 'cluster',
  accounts: 'accounts',
  ids: 'ids',
  tasks: (p: number): string => `tasks-${String(p)}`,
  queue: (cell: string = CELL): string => `queue-${cell}`,
  leases: (cell: string = CELL): string => `leases-${cell}`,
  alerts: 'alerts',
  deadLetters: 'dead-letters',
} as const;

/** Subject that a stream listens on: `tasks-3` is `yard.evt.v1.tasks.3`. */
export function eventSubject(stream: string): string {
  const dash = stream.indexOf('-');
  if (stream === streams.deadLetters) return 'yard.evt.v1.dead-letters';
  return dash < 0
    ? `yard.evt.v1.${stream}`
    : `yard.evt.v1.${stream.slice(0, dash)}.${stream.slice(dash + 1)}`;
}

/** All streams of an installation with this number of partitions and one cell. */
export function allStreams(partitions: number): string[] {
  const tasks = Array.from({ length: partitions }, (_, p) => streams.tasks(p));
  return [
    streams.cluster,
    streams.accounts,
    streams.ids,
    ...tasks,
    streams.queue(),
    streams.leases(),
    streams.alerts,
    streams.deadLetters,
  ];
}

/** The streams that the tables of the read model are made of. */
export function projectedStreams(partitions: number): string[] {
  return [
    ...Array.from({ length: partitions }, (_, p) => streams.tasks(p)),
    streams.queue(),
    streams.leases(),
  ];
}

/** Commands: request and reply, or a one-way statement. Only the owner of the duty subscribes. */
export const commands = {
  tasks: (p: number): string => `yard.cmd.v1.tasks.${String(p)}`,
  limits: 'yard.cmd.v1.limits',
  ids: 'yard.cmd.v1.ids',
  cluster: 'yard.cmd.v1.cluster',
  /** To the owner of a stream: what is in the archive. */
  archived: (stream: string): string => `yard.cmd.v1.archived.${stream}`,
  monitor: 'yard.cmd.v1.monitor',
  /** Whoever keeps this view. */
  projector: (projection: string): string => `yard.cmd.v1.projector.${projection}`,
  queue: (cell: string = CELL): string => `yard.cmd.v1.queue.${cell}`,
  batcher: (cell: string = CELL): string => `yard.cmd.v1.batcher.${cell}`,
  leases: (cell: string = CELL): string => `yard.cmd.v1.leases.${cell}`,
  /** Frames of worker sessions on their way to the resource manager. */
  leaseFrames: (cell: string = CELL): string => `yard.cmd.v1.lease-frames.${cell}`,
  /** Metrics of one process, for the gateway that is asked for all. */
  metrics: (node: string): string => `yard.cmd.v1.metrics.${node}`,
  /** What the cluster manager tells a node. */
  node: (node: string): string => `yard.cmd.v1.node.${node}`,
  /** Frames for the workers whose sessions a gateway holds. */
  worker: (gateway: string): string => `yard.cmd.v1.worker.${gateway}`,
} as const;

/** Told, not promised: nothing breaks when one is lost. */
export const telemetry = {
  /** Ends of tasks that someone at this gateway waits for. */
  ends: (gateway: string): string => `yard.tel.v1.ends.${gateway}`,
  heartbeat: (node: string): string => `yard.tel.v1.heartbeat.${node}`,
  heartbeats: 'yard.tel.v1.heartbeat.*',
  projection: (projection: string): string => `yard.tel.v1.projection.${projection}`,
  projections: 'yard.tel.v1.projection.*',
  keyRevoked: 'yard.tel.v1.key-revoked',
} as const;

/** True for subjects with one listener at a time: the owner of a duty, or the gateway that is named. */
export function hasOneListener(subject: string): boolean {
  return subject.startsWith('yard.cmd.') || subject.startsWith('yard.tel.v1.ends.');
}
