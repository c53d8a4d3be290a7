/**
 * One reader of `GET /v1/events`: follows the task streams and the leases from a position on and renders what its tenant may see.
 *
 * Owns: its feeds and its position vector. Invariants: E1 within a stream events keep their order and none is left out;
 * E2 the id of an event is the position after it over all streams, so that resuming repeats nothing and loses nothing;
 * E3 a reader that does not keep up holds back its own feeds only.
 */
import { YardError, rejection, type Envelope } from '@yardmaster/contracts';
import type { CommittedFeed, CommittedLog } from '@yardmaster/service-kit';
import { sharedViewOf, viewOf, type PublicEvent } from './event-view.js';
import { PositionVector, WHOLE, encodeIndex, encodeSeq, type StreamPosition } from './position.js';

const MAX_EVENTS = 2_000;
/** Readers of this process at work. */
let readers = 0;

export interface EventFilter {
  /** null = all. */
  readonly scope: number | null;
  readonly types: ReadonlySet<string> | null;
  /** Tasks to tell of; grows as tasks of `workflow` are submitted. null = all. */
  readonly tasks: Set<string> | null;
  readonly workflow: string | null;
}

/** Takes rendered text; resolves when more may come, rejects when the reader is gone. */
export type EventSink = (text: string) => Promise<void> | void;

export class EventStream {
  readonly #feeds: CommittedFeed[] = [];
  readonly #vector: PositionVector;
  #stopped = false;

  constructor(
    private readonly log: CommittedLog,
    private readonly streamNames: readonly string[],
    private readonly from: readonly StreamPosition[],
    private readonly filter: EventFilter,
    private readonly sink: EventSink,
  ) {
    this.#vector = new PositionVector(from);
  }

  get position(): string {
    return this.#vector.toString();
  }

  /** Runs until stopped; rejects when a stream cannot be read. */
  async run(): Promise<void> {
    readers++;
    try {
      await Promise.all(
        this.streamNames.map(async (name, i) => {
          await this.#follow(name, i);
        }),
      );
    } finally {
      readers--;
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const feed of this.#feeds) feed.stop();
  }

  async #follow(name: string, stream: number): Promise<void> {
    const { seq, index } = this.from[stream]!;
    const partly = index !== WHOLE && seq > 0;
    const feed = this.log.feed(name, partly ? seq - 1 : seq);
    this.#feeds.push(feed);
    let skipUpTo = partly ? { seq, index } : null;
    while (!this.#stopped) {
      let envelopes: readonly Envelope[];
      try {
        envelopes = await feed.next(MAX_EVENTS);
      } catch (cause) {
        if (this.#stopped) return;
        this.stop();
        throw cause;
      }
      let text = '';
      for (const envelope of envelopes) {
        const after = skipUpTo !== null && envelope.seq === skipUpTo.seq ? skipUpTo.index : -1;
        text += this.#render(envelope, stream, after);
        skipUpTo = null;
      }
      if (text !== '') await this.sink(text);
    }
  }

  #render(envelope: Envelope, stream: number, afterIndex: number): string {
    const { scope, types, workflow } = this.filter;
    const [before, after] = this.#vector.around(stream);
    const seq = encodeSeq(envelope.seq);
    const { events } = envelope;
    // What nobody asked for is not even made; submissions tell which tasks a workflow has.
    const skips = types !== null && workflow === null;
    const view = readers > 1 ? sharedViewOf(envelope) : viewOf(envelope);
    let text = '';
    for (let i = afterIndex + 1; i < events.length; i++) {
      const { type: raw } = events[i]!;
      if (skips && !types.has(raw) && raw !== 'TaskFailed' && raw !== 'TaskCancelled') continue;
      const event = view.at(i);
      if (event === null || (scope !== null && event.tenant !== scope)) continue;
      const id = `id: ${before}${seq}${encodeIndex(i)}${after}\n`;
      if (event.more === undefined) {
        if (this.#wants(event)) text += `${id}event: ${event.type}\ndata: ${event.json}\n\n`;
        continue;
      }
      // One fact told as several events: only the last of them moves the position on.
      const wanted = [event, ...event.more].filter((one) => this.#wants(one));
      for (const [n, { type, json }] of wanted.entries())
        text += `${n === wanted.length - 1 ? id : ''}event: ${type}\ndata: ${json}\n\n`;
    }
    this.#vector.moveTo(stream, envelope.seq, WHOLE);
    return text;
  }

  #wants({ type, task, workflow: ofWorkflow }: PublicEvent): boolean {
    const { types, tasks, workflow } = this.filter;
    if (tasks !== null) {
      const isOfWorkflow = workflow !== null && ofWorkflow === workflow;
      if (isOfWorkflow && task !== null) tasks.add(task);
      if (!isOfWorkflow && (task === null || !tasks.has(task))) return false;
    }
    return types === null || types.has(type);
  }
}

/** Where a reader begins: `start`, a position, or now. Refuses a position beyond the log. */
export async function startingPositions(
  log: CommittedLog,
  streamNames: readonly string[],
  from: string | null,
): Promise<StreamPosition[]> {
  if (from === 'start') return streamNames.map(() => ({ seq: 0, index: WHOLE }));
  const heads = await Promise.all(streamNames.map(async (name) => await log.head(name)));
  if (from === null || from === 'now') return heads.map((seq) => ({ seq, index: WHOLE }));
  const positions = PositionVector.parse(from, streamNames.length);
  for (const [i, { seq }] of positions.entries()) {
    if (seq > heads[i]!)
      throw new YardError(
        rejection(
          'resync',
          'this position lies beyond the log: it is of another yard, or of one that was reset',
        ),
      );
  }
  return positions;
}
