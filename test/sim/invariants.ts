import { streams } from '@yardmaster/contracts';
import {
  type BatchQueued,
  type DomainEvent,
  isTerminal,
  joinState,
  type LeaseEnded,
  type LeaseGranted,
  leaseFact,
  type NamedAs,
  nextStates,
  type OwnerEvent,
  ownerFact,
  queueFact,
  type QueueFactEvent,
  type SchedulingSpec,
  type TaskFacts,
  type TaskSubmitted,
} from '@yardmaster/domain';
import { causalOrder } from './causal-order.js';
import type { World } from './world.js';

/** The invariants of docs/explanation that can be read from the log, each fault a sentence. */

interface Told {
  readonly submitted: TaskSubmitted | null;
  readonly parents: readonly string[];
  ends: string[];
  succeeded: boolean;
}

/** What the owners' streams say of each task. */
export function toldOf(world: World): Map<string, Told> {
  const told = new Map<string, Told>();
  const inWorkflow = new Map<string, string>();
  const of = (id: string): Told => {
    let known = told.get(id);
    if (known === undefined)
      told.set(id, (known = { submitted: null, parents: [], ends: [], succeeded: false }));
    return known;
  };
  for (let p = 0; p < world.partitions; p++) {
    for (const { events } of world.disk(streams.tasks(p))) {
      for (const event of events) {
        switch (event.type) {
          case 'TaskSubmitted': {
            if (event.workflow !== null) inWorkflow.set(`${event.workflow} ${String(event.index)}`, event.id);
            const parents = [
              ...event.needs,
              ...event.parents.map((i) => inWorkflow.get(`${event.workflow ?? ''} ${String(i)}`) ?? '?'),
            ];
            told.set(event.id, { submitted: event, parents, ends: [], succeeded: false });
            break;
          }
          case 'TaskSucceeded':
            of(event.id).ends.push('succeeded');
            of(event.id).succeeded = true;
            break;
          case 'TaskFailed':
            of(event.id).ends.push('failed');
            for (const id of event.upstreamFailed) of(id).ends.push('upstream_failed');
            break;
          case 'TaskCancelled':
            of(event.id).ends.push('cancelled');
            for (const id of event.upstreamFailed) of(id).ends.push('upstream_failed');
            break;
          default:
        }
      }
    }
  }
  return told;
}

/** I9 and I21 at the moment at which a worker is told to run an attempt. */
export function faultsOfRun(world: World, task: string, attempt: number, fence: number): string[] {
  const faults: string[] = [];
  const name = `run of ${task} attempt ${String(attempt)}`;
  const told = toldOf(world);
  const about = told.get(task);
  if (about?.submitted == null) return [`I21 ${name}: its submission is not on disk`];
  for (const parent of about.parents)
    if (told.get(parent)?.succeeded !== true)
      faults.push(`I9 ${name}: parent ${parent} has not succeeded on disk`);
  let isGranted = false;
  let isOver = false;
  for (const { event } of world.events()) {
    if (event.type === 'LeaseGranted' && event.fence === fence && event.task === task) isGranted = true;
    if (event.type === 'LeaseEnded' && event.fence === fence && event.task === task) {
      // A frame on its way may cross the end of its lease, but never that of one that was not to be run.
      isOver = true;
      if (event.outcome === 'void' || event.outcome === 'withdrawn')
        faults.push(`I21 ${name}: its lease has ended as ${event.outcome}`);
    }
  }
  if (about.ends.length > 0 && !isOver) faults.push(`I15 ${name}: it has ended as ${about.ends.join()}`);
  if (!isGranted) faults.push(`I21 ${name}: its lease is not on disk`);
  if (
    !world.events('BatchQueued').some(({ event }) => (event as BatchQueued).tasks.some((t) => t.id === task))
  )
    faults.push(`I21 ${name}: its queueing is not on disk`);
  return faults;
}

/** I2 and I5 at every prefix of the leases. */
export function faultsOfLeases(world: World): string[] {
  const faults: string[] = [];
  const classes: SchedulingSpec[] = [];
  for (const { event } of world.events('ClassDefined'))
    if (event.type === 'ClassDefined') classes[event.n] = event.spec;
  const live = new Map<string, LeaseGranted>();
  const attempts = new Map<string, number>();
  const capacity = new Map<string, Readonly<Record<string, number>>>();
  const used = new Map<string, Record<string, number>>();
  let fence = 0;
  const use = (lease: LeaseGranted, sign: number): void => {
    const of = used.get(lease.worker) ?? {};
    for (const [name, amount] of Object.entries(classes[lease.cls]?.resources ?? {}))
      of[name] = (of[name] ?? 0) + sign * amount;
    used.set(lease.worker, of);
    for (const [name, amount] of Object.entries(of)) {
      if (amount < 0 || amount > (capacity.get(lease.worker)?.[name] ?? 0))
        faults.push(`I5 worker ${lease.worker} has ${String(amount)} of ${name} allocated`);
    }
  };
  for (const { event } of world
    .disk(streams.leases())
    .flatMap(({ events }) => events.map((event) => ({ event })))) {
    if (event.type === 'WorkerJoined') capacity.set(event.worker, event.capacity);
    if (event.type === 'LeaseGranted') {
      if (live.has(event.task)) faults.push(`I2 task ${event.task} has two live leases`);
      if (event.fence <= fence) faults.push(`I2 fence ${String(event.fence)} comes after ${String(fence)}`);
      if (event.attempt < (attempts.get(event.task) ?? 0))
        faults.push(`I2 attempt of ${event.task} went back to ${String(event.attempt)}`);
      fence = event.fence;
      attempts.set(event.task, event.attempt);
      live.set(event.task, event);
      use(event, 1);
    }
    if (event.type === 'LeaseEnded') {
      const lease = live.get(event.task);
      if (lease?.fence !== event.fence)
        faults.push(`I3 lease of ${event.task} with fence ${String(event.fence)} ended and was not live`);
      else {
        live.delete(event.task);
        use(lease, -1);
      }
    }
  }
  return faults;
}

/** I1: what was acknowledged is on disk, and nothing ends twice; once drained, everything has ended. */
export function faultsOfEnds(world: World, acknowledged: Iterable<string>, isDrained: boolean): string[] {
  const faults: string[] = [];
  const told = toldOf(world);
  for (const id of acknowledged)
    if (told.get(id)?.submitted == null) faults.push(`I1 ${id} was acknowledged and is not in the log`);
  for (const [id, { submitted, ends }] of told) {
    if (submitted === null) faults.push(`I1 ${id} ended as ${ends.join()} and was never submitted`);
    if (ends.length > 1) faults.push(`I1 ${id} ended ${String(ends.length)} times: ${ends.join()}`);
    if (isDrained && ends.length === 0)
      faults.push(`I1 ${id} (${submitted?.sealed.name ?? '?'}) never ended`);
  }
  return faults;
}

type Said =
  | { readonly stream: 'owner'; readonly event: OwnerEvent; readonly as: NamedAs }
  | { readonly stream: 'queue'; readonly event: QueueFactEvent }
  | { readonly stream: 'lease'; readonly event: LeaseGranted | LeaseEnded };

function saidOf(event: DomainEvent): [id: string, said: Said][] {
  switch (event.type) {
    case 'TaskSubmitted':
    case 'CancelRequested':
      return [[event.id, { stream: 'owner', event, as: 'subject' }]];
    case 'TasksDue':
      return event.ids.map((id) => [id, { stream: 'owner', event, as: 'subject' }]);
    case 'TaskSucceeded':
      return [
        [event.id, { stream: 'owner', event, as: 'subject' }],
        ...event.released.map((id): [string, Said] => [id, { stream: 'owner', event, as: 'released' }]),
      ];
    case 'TaskFailed':
    case 'TaskCancelled':
      return [
        [event.id, { stream: 'owner', event, as: 'subject' }],
        ...event.upstreamFailed.map((id): [string, Said] => [
          id,
          { stream: 'owner', event, as: 'upstreamFailed' },
        ]),
      ];
    case 'BatchQueued':
      return event.tasks.map(({ id }) => [id, { stream: 'queue', event }]);
    case 'TaskBackedOff':
    case 'TaskGivenUp':
      return [[event.id, { stream: 'queue', event }]];
    case 'TasksVisible':
    case 'TasksRemoved':
      return event.ids.map((id) => [id, { stream: 'queue', event }]);
    case 'LeaseGranted':
    case 'LeaseEnded':
      return [[event.task, { stream: 'lease', event }]];
    default:
      return [];
  }
}

/** True when something on disk rests on what a crash took away. */
export function hasLostCauses(world: World): boolean {
  return world.streams.some((name) =>
    world
      .disk(name)
      .some(({ causes }) =>
        causes.some(([stream, seq, hash]) => world.disk(stream)[seq - 1]?.hash.startsWith(hash) !== true),
      ),
  );
}

/**
 * I17: every step of every task is one of the table, in an order that keeps causes. Where causes were lost there is no such
 * order: then only an end must stay an end.
 */
export function faultsOfSteps(world: World): string[] {
  const faults: string[] = [];
  const isWhole = !hasLostCauses(world);
  const known = new Map<string, TaskFacts>();
  const nothing: TaskFacts = { owner: null, queue: null, lease: null };
  for (const envelope of causalOrder(world)) {
    for (const event of envelope.events) {
      for (const [id, said] of saidOf(event)) {
        const before = known.get(id) ?? nothing;
        const after = step(before, said);
        known.set(id, after);
        if (before.owner === null && said.stream !== 'owner') continue;
        const from = joinState(before);
        const to = joinState(after);
        if (from !== null && isTerminal(from)) {
          if (to !== from) faults.push(`I17 ${id}: ${from} was left by ${said.event.type} for ${String(to)}`);
        } else if (
          isWhole &&
          to !== null &&
          !nextStates(from, said.event.type, said.stream === 'owner' ? said.as : 'subject').includes(to)
        ) {
          faults.push(
            `I17 ${id}: ${String(from)} -${said.event.type}${said.stream === 'owner' ? ` as ${said.as}` : ''}-> ${to} at ${envelope.stream} ${String(envelope.seq)}`,
          );
        }
      }
    }
  }
  return faults;
}

function step(facts: TaskFacts, said: Said): TaskFacts {
  switch (said.stream) {
    case 'owner':
      return { ...facts, owner: ownerFact(facts.owner, said.event, said.as) };
    case 'queue':
      return { ...facts, queue: queueFact(facts.queue, said.event) };
    case 'lease':
      return { ...facts, lease: leaseFact(facts.lease, said.event) };
  }
}
