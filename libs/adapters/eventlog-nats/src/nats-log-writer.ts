import type { AppendOutcome, LogWriter } from '@yardmaster/ports';
import type { MsgHdrs } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AckInbox, PublishAnswer } from './ack-inbox.js';
import type { JetStreamApi } from './jetstream-api.js';
import { headersAtMost, publishHeaders } from './publish-headers.js';

/**
 * The publish protocol of one stream.
 *
 * Appends get predicted sequences. `open` holds what is not resolved, oldest first; it is always a contiguous run
 * of sequences that ends at `next - 1`.
 *
 * The expected sequence alone does not fence what is pipelined: when another writes in the place of our append n,
 * our n + 1 finds the sequence that it expects and would be stored after it. On one replica each append therefore
 * names the id before it too. On several, replicas that were caught up after an outage do not know that id
 * (nats-server 2.15) and would drop the message: there one append is on the way at a time.
 *
 * Invariants:
 * 1. The same append always carries the same id, bytes and expected sequence: a repeat, however late, is stored
 *    at its own place or not at all.
 * 2. After any doubtful answer nothing new is sent until the doubt is settled and the whole of `open` has been
 *    sent again, in order.
 * 3. A conflict alone proves nothing: it is `refused` only when the leader shows another's message at that place.
 * 4. Outcomes come in order; the first that is not `stored` is the outcome of all later appends.
 */

export interface WriterLink {
  readonly acks: AckInbox;
  readonly api: JetStreamApi;
  /** False between a disconnect and the reconnect. */
  readonly isUp: () => boolean;
  readonly maxPayload: () => number;
  /** On one replica what the leader has is all there is; a new leader among several may still be catching up. */
  readonly replicas: number;
}

export interface WriterLimits {
  /** From append to `unresolved`. */
  readonly deadlineMs: number;
  /** Silence after which a publish is repeated. */
  readonly answerTimeoutMs: number;
}

interface Append {
  readonly seq: number;
  readonly msgId: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs;
  readonly deadline: number;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly tokens: string[];
  isSent: boolean;
  isStored: boolean;
}

const LONGEST_PAUSE_MS = 400;
/** How long a leader among several may be behind what was acknowledged before it counts as lost. */
const CATCH_UP_MS = 2_000;

export class NatsLogWriter implements LogWriter {
  next: number;
  private readonly open: Append[] = [];
  private end: AppendOutcome | null = null;
  private isRecovering = false;
  private sawConflict = false;
  private round = 0;
  private failedRounds = 0;
  private sentAt = 0;
  private latestId: string | null = null;
  private behindSince: number | null = null;
  private doubt = 'no answer';

  constructor(
    private readonly stream: string,
    private readonly subject: string,
    last: number,
    private readonly link: WriterLink,
    private readonly limits: WriterLimits,
  ) {
    this.next = last + 1;
  }

  get isEnded(): boolean {
    return this.end !== null;
  }

  append(msgId: string, data: Uint8Array): Promise<AppendOutcome> {
    if (this.end !== null) return Promise.resolve(this.end);
    if (data.byteLength + headersAtMost(msgId) > this.link.maxPayload()) {
      return Promise.reject(
        new RangeError(`an envelope of ${String(data.byteLength)} bytes is over the broker's limit`),
      );
    }
    const seq = this.next;
    const headers = publishHeaders(msgId, { last: seq - 1, lastMsgId: this.isSerial ? null : this.latestId });
    this.latestId = msgId;
    this.next++;
    const now = performance.now();
    if (this.open.length === 0) this.sentAt = now;
    return new Promise((resolve) => {
      const deadline = now + this.limits.deadlineMs;
      this.open.push({
        seq,
        msgId,
        data,
        headers,
        deadline,
        resolve,
        tokens: [],
        isSent: false,
        isStored: false,
      });
      this.sendOpen();
    });
  }

  /** Called a few times a second while busy. */
  tick(now: number): void {
    const [oldest] = this.open;
    if (oldest === undefined) return;
    if (now >= oldest.deadline) this.finish({ kind: 'unresolved', reason: this.doubt });
    else if (this.link.isUp() && now - this.sentAt > this.limits.answerTimeoutMs) this.inDoubt('no answer');
  }

  /** The connection is back: what was on the way may be lost. */
  reconnected(): void {
    if (this.open.length > 0) this.inDoubt('the connection was lost');
  }

  close(): void {
    this.finish({ kind: 'unresolved', reason: 'the log is closed' });
  }

  private get isSerial(): boolean {
    return this.link.replicas > 1;
  }

  /** Sends what is not on the way yet. */
  private sendOpen(): void {
    if (!this.link.isUp() || this.isRecovering) return;
    const sendable = this.isSerial ? this.open.slice(0, 1) : this.open;
    for (const append of sendable) if (!append.isSent) this.send(append);
  }

  private send(append: Append): void {
    append.isSent = true;
    const { round } = this;
    const onAnswer = (answer: PublishAnswer): void => {
      this.answered(append, round, answer);
    };
    try {
      append.tokens.push(this.link.acks.publish(this.subject, append.headers, append.data, onAnswer));
    } catch (error) {
      this.doubt = (error as Error).message;
    }
  }

  private answered(append: Append, round: number, answer: PublishAnswer): void {
    if (this.end !== null || append.isStored) return;
    if (answer.kind === 'stored') {
      // The broker knows the id from another place: whoever reuses ids has lost count of this stream.
      if (answer.seq !== append.seq) this.finish({ kind: 'refused', head: answer.seq });
      else this.settle(append);
    } else if (round === this.round) {
      if (answer.kind === 'conflict') this.sawConflict = true;
      this.inDoubt(answer.kind === 'conflict' ? 'conflicting sequences' : answer.reason);
    }
  }

  private settle(append: Append): void {
    append.isStored = true;
    this.failedRounds = 0;
    this.sentAt = performance.now();
    for (let oldest = this.open[0]; oldest?.isStored === true; oldest = this.open[0]) {
      this.open.shift();
      this.forget(oldest);
      oldest.resolve({ kind: 'stored', seq: oldest.seq });
    }
    if (this.isSerial) this.sendOpen();
  }

  private inDoubt(reason: string): void {
    if (this.isRecovering || this.end !== null) return;
    this.doubt = reason;
    this.isRecovering = true;
    void this.recover();
  }

  private async recover(): Promise<void> {
    const pause = this.failedRounds === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, 12 * 2 ** this.failedRounds);
    this.failedRounds++;
    if (pause > 0) await sleep(pause);
    try {
      if (this.sawConflict) await this.lookBack();
    } catch (error) {
      this.doubt = (error as Error).message;
    }
    this.isRecovering = false;
    this.sawConflict = false;
    if (this.end !== null) return;
    this.round++;
    this.sentAt = performance.now();
    for (const append of this.open) append.isSent = append.isStored;
    this.sendOpen();
  }

  /** Asks the leader what stands where the oldest open appends belong. */
  private async lookBack(): Promise<void> {
    for (let oldest = this.open[0]; oldest !== undefined && this.end === null; oldest = this.open[0]) {
      const left = Math.max(1, oldest.deadline - performance.now());
      const found = await this.link.api.message(this.stream, oldest.seq, left);
      if (oldest.isStored) continue;
      if (found?.msgId === oldest.msgId) {
        this.settle(oldest);
        continue;
      }
      const { last } = await this.link.api.head(this.stream);
      if (found !== null || this.isLost(last < oldest.seq - 1)) this.finish({ kind: 'refused', head: last });
      return;
    }
  }

  /** True when the stream ends before what this writer built on, for good. */
  private isLost(isBehind: boolean): boolean {
    this.behindSince = isBehind ? (this.behindSince ?? performance.now()) : null;
    if (this.behindSince === null) return false;
    return !this.isSerial || performance.now() - this.behindSince > CATCH_UP_MS;
  }

  private finish(outcome: AppendOutcome): void {
    if (this.end !== null) return;
    this.end = outcome;
    for (const append of this.open.splice(0)) {
      this.forget(append);
      append.resolve(outcome);
    }
  }

  private forget(append: Append): void {
    for (const token of append.tokens) this.link.acks.forget(token);
  }
}
