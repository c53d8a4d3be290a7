import {
  BATCH_BYTES,
  commands,
  pack,
  telemetry,
  type Assignment,
  type EndNotice,
  type KillOrder,
  type RelayDown,
  type ReportAnswer,
  type YardMessage,
} from '@yardmaster/contracts';

interface WorkerLane {
  run: Assignment[];
  answers: ReportAnswer[];
  kill: KillOrder[];
  other: YardMessage[];
}

/** Gathers messages to workers and gateways over a turn, so that each session gets one frame and each gateway one message. */
export class WorkerOutbox {
  readonly #lanes = new Map<string, Map<string, WorkerLane>>();
  readonly #ends = new Map<string, EndNotice[]>();

  constructor(private readonly publish: (subject: string, bytes: Uint8Array) => void) {}

  run(gateway: string, worker: string, assignment: Assignment): void {
    this.#lane(gateway, worker).run.push(assignment);
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

  flush(): void {
    if (this.#lanes.size > 0) {
      for (const [gateway, workers] of this.#lanes) {
        const batch: RelayDown[] = [];
        for (const [worker, lane] of workers) batch.push(...framesOf(worker, lane));
        inChunks(batch, (bytes) => {
          this.publish(commands.worker(gateway), bytes);
        });
      }
      this.#lanes.clear();
    }
    if (this.#ends.size > 0) {
      for (const [gateway, notices] of this.#ends)
        inChunks(notices, (bytes) => {
          this.publish(telemetry.ends(gateway), bytes);
        });
      this.#ends.clear();
    }
  }

  #lane(gateway: string, worker: string): WorkerLane {
    let workers = this.#lanes.get(gateway);
    if (workers === undefined) this.#lanes.set(gateway, (workers = new Map<string, WorkerLane>()));
    let lane = workers.get(worker);
    if (lane === undefined) workers.set(worker, (lane = { run: [], answers: [], kill: [], other: [] }));
    return lane;
  }
}

function inChunks(items: readonly unknown[], send: (bytes: Uint8Array) => void): void {
  const bytes = pack(items);
  if (bytes.length <= BATCH_BYTES || items.length === 1) {
    send(bytes);
    return;
  }
  const half = items.length >> 1;
  inChunks(items.slice(0, half), send);
  inChunks(items.slice(half), send);
}

function framesOf(worker: string, lane: WorkerLane): RelayDown[] {
  const frames: RelayDown[] = [];
  const messages = lane.other;
  if (lane.answers.length > 0) messages.push(['rep-ok', lane.answers]);
  if (lane.kill.length > 0) messages.push(['kill', lane.kill]);
  if (lane.run.length > 0 && lane.run.length <= 64) messages.push(['run', lane.run]);
  else inRuns(lane.run, (bytes) => frames.push([worker, bytes]));
  if (messages.length > 0) frames.unshift([worker, pack(messages)]);
  return frames;
}

/** Frames of assignments, each small enough for one message. */
function inRuns(run: readonly Assignment[], add: (bytes: Uint8Array) => void): void {
  if (run.length === 0) return;
  const bytes = pack([['run', run]]);
  if (bytes.length <= BATCH_BYTES || run.length === 1) {
    add(bytes);
    return;
  }
  const half = run.length >> 1;
  inRuns(run.slice(0, half), add);
  inRuns(run.slice(half), add);
}
