import { streams, type Envelope, type EventResponse } from '@yardmaster/contracts';
import { idPartition, idTime, type DomainEvent } from '@yardmaster/domain';
import type { CommittedLog } from '@yardmaster/service-kit';
import { viewOf } from '../events/event-view.js';

/** Clocks of the nodes may differ by this much; a step of more stops the making of ids. */
const CLOCK_SLACK_MS = 60_000;
/** Most events that one answer reads through per stream. */
const MOST_EVENTS = 2_000_000;

interface Told {
  readonly at: number;
  readonly event: EventResponse;
}

/** What the log says about one task. The id tells when it was submitted, so that only the log from there on is read. */
export class TaskHistory {
  constructor(private readonly log: CommittedLog) {}

  async of(id: string, endedAt: number | null): Promise<EventResponse[]> {
    const from = idTime(id) - CLOCK_SLACK_MS;
    const to = endedAt === null ? Infinity : endedAt + CLOCK_SLACK_MS;
    const parts = await Promise.all(
      [streams.tasks(idPartition(id)), streams.queue(), streams.leases()].map(
        async (stream) => await this.#told(stream, id, from, to),
      ),
    );
    return parts
      .flat()
      .sort((a, b) => a.at - b.at || rankOf(a) - rankOf(b))
      .map(({ event }) => event);
  }

  async #told(stream: string, id: string, from: number, to: number): Promise<Told[]> {
    const head = await this.log.head(stream);
    if (head === 0) return [];
    const told: Told[] = [];
    let read = 0;
    const first = await this.#firstAfter(stream, head, from);
    for await (const envelope of this.log.read(stream, first, head)) {
      if (envelope.at > to || read > MOST_EVENTS) break;
      read += envelope.events.length;
      collect(envelope, id, told);
    }
    return told;
  }

  /** Sequence of the first envelope not older than `from`, by halving. */
  async #firstAfter(stream: string, head: number, from: number): Promise<number> {
    let low = 1;
    let high = head;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((await this.#timeOf(stream, middle)) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #timeOf(stream: string, seq: number): Promise<number> {
    for await (const envelope of this.log.read(stream, seq, seq)) return envelope.at;
    return 0;
  }
}

function collect(envelope: Envelope, id: string, told: Told[]): void {
  const { at, events, stream, seq } = envelope;
  const view = viewOf(envelope);
  for (const [i, event] of events.entries()) {
    if (!concerns(event, id)) continue;
    const position = `${stream}.${String(seq)}.${String(i)}`;
    const shown = view.at(i);
    const own = [shown, ...(shown?.more ?? [])].find((one) => one?.task === id);
    if (own !== undefined && own !== null) {
      told.push({ at, event: { ...(JSON.parse(own.json) as EventResponse), position } });
      continue;
    }
    const time = new Date(at).toISOString();
    told.push({ at, event: { type: event.type, time, task: id, ...detailsOf(event), position } });
  }
}

/** What public events do not tell, because it is of one task among many or has no tenant of its own. */
function detailsOf(event: DomainEvent): Partial<EventResponse> {
  switch (event.type) {
    case 'TaskSucceeded':
      return { type: 'TaskReleased', state: 'ready', status: 'waiting', parent: event.id };
    case 'BatchQueued':
      return { state: 'queued', status: 'waiting', batch: event.batch };
    case 'TaskBackedOff': {
      const { attempt, category, until } = event;
      return {
        state: 'backing_off',
        status: 'waiting',
        attempt,
        category,
        until: new Date(until).toISOString(),
      };
    }
    case 'TaskGivenUp':
      return { attempt: event.attempt, category: event.category };
    default:
      return {};
  }
}

/** What happened in one millisecond in several streams is told in the order in which one caused the other. */
const CAUSAL_ORDER = [
  'TaskSubmitted',
  'TaskReleased',
  'TasksDue',
  'BatchQueued',
  'TasksVisible',
  'LeaseGranted',
  'CancelRequested',
  'LeaseEnded',
  'TaskBackedOff',
  'TaskGivenUp',
];

function rankOf({ event }: Told): number {
  const rank = CAUSAL_ORDER.indexOf(event.type);
  return rank < 0 ? CAUSAL_ORDER.length : rank;
}

function concerns(event: DomainEvent, id: string): boolean {
  switch (event.type) {
    case 'TaskSubmitted':
    case 'TaskBackedOff':
    case 'TaskGivenUp':
    case 'CancelRequested':
      return event.id === id;
    case 'TaskSucceeded':
      return event.id === id || (event.released as readonly string[]).includes(id);
    case 'TaskFailed':
    case 'TaskCancelled':
      return event.id === id || (event.upstreamFailed as readonly string[]).includes(id);
    case 'LeaseGranted':
    case 'LeaseEnded':
      return event.task === id;
    case 'TasksDue':
    case 'TasksVisible':
    case 'TasksRemoved':
      return (event.ids as readonly string[]).includes(id);
    case 'BatchQueued':
      return event.tasks.some((task) => task.id === id);
    default:
      return false;
  }
}
