import {
  BATCH_BYTES,
  commands,
  pack,
  runMessages,
  telemetry,
  type Assignment,
  type EndNotice,
  type KillOrder,
  type RelayDown,
  type ReportAnswer,
  type YardMessage,
} from '@yardmaster/contracts';
import { chunksOf, roughSize } from '@yardmaster/kernel';

/** An answer takes about 40 bytes. */
const ANSWERS_PER_FRAME = 1_000;

interface WorkerLane {
  /** By the process that they are for. */
  run: Map<string, Assignment[]>;
  answers: ReportAnswer[];
  kill: KillOrder[];
  other: YardMessage[];
}

/** Gathers messages to workers and gateways over a turn, so that each session gets one frame and each gateway one message. */
export class WorkerOutbox {
  readonly #lanes = new Map<string, Map<string, WorkerLane>>();
  readonly #ends = new Map<string, EndNotice[]>();

  constructor(private readonly publish: (subject: string, bytes: Uint8Array) => void) {}

  run(gateway: string, worker: string, incarnation: string, assignment: Assignment): void {
    const { run } = this.#lane(gateway, worker);
    const known = run.get(incarnation);
    if (known === undefined) run.set(incarnation, [assignment]);
    else known.push(assignment);
  }

  answer(gateway: string, worker: string, answer: ReportAnswer): void {
    this.#lane(gateway, worker).answers.push(answer);
  }

  kill(gateway: string, worker: string, order: KillOrder): void {
    this.#lane(gateway, worker).kill.push(order);
  }

  say(gateway: string, worker: string, message: YardMessage): void {
    this.#lane(gateway, worker).other.push(message);
  }

  ended(gateway: string, notice: EndNotice): void {
    const list = this.#ends.get(gateway);
    if (list === undefined) this.#ends.set(gateway, [notice]);
    else list.push(notice);
  }

  get isEmpty(): boolean {
    return this.#lanes.size === 0 && this.#ends.size === 0;
  }

  flush(): void {
    for (const [gateway, workers] of this.#lanes) {
      const frames: RelayDown[] = [];
      for (const [worker, lane] of workers) for (const frame of framesOf(lane)) frames.push([worker, frame]);
      inBatches(
        frames,
        ([, frame]) => frame.length + 64,
        (batch) => {
          this.publish(commands.worker(gateway), pack(batch));
        },
      );
    }
    this.#lanes.clear();
    for (const [gateway, notices] of this.#ends)
      inBatches(
        notices,
        (notice) => 64 + roughSize(notice[3]) + roughSize(notice[4]),
        (batch) => {
          this.publish(telemetry.ends(gateway), pack(batch));
        },
      );
    this.#ends.clear();
  }

  #lane(gateway: string, worker: string): WorkerLane {
    let workers = this.#lanes.get(gateway);
    if (workers === undefined) this.#lanes.set(gateway, (workers = new Map<string, WorkerLane>()));
    let lane = workers.get(worker);
    if (lane === undefined)
      workers.set(
        worker,
        (lane = { run: new Map<string, Assignment[]>(), answers: [], kill: [], other: [] }),
      );
    return lane;
  }
}

/** Cuts a list so that each part fits into one message, by the sizes of its items. */
function inBatches<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  send: (batch: readonly T[]) => void,
): void {
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < items.length; i++) {
    const size = sizeOf(items[i]!);
    if (i > from && bytes + size > BATCH_BYTES) {
      send(items.slice(from, i));
      from = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < items.length) send(from === 0 ? items : items.slice(from));
}

/** What one session is told, in the order in which it should hear it. */
function framesOf({ other, answers, kill, run }: WorkerLane): Uint8Array[] {
  const messages: YardMessage[] = other;
  for (const part of chunksOf(answers, ANSWERS_PER_FRAME)) messages.push(['rep-ok', part]);
  for (const part of chunksOf(kill, ANSWERS_PER_FRAME)) messages.push(['kill', part]);
  let runs = 0;
  for (const [incarnation, assignments] of run) {
    runs += assignments.length;
    messages.push(...runMessages(assignments, incarnation));
  }
  // Few short messages share a frame.
  return messages.length <= 3 && runs + answers.length + kill.length <= 64
    ? [pack(messages)]
    : messages.map((message) => pack([message]));
}
