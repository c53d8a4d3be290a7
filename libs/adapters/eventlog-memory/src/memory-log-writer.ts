import type { AppendOutcome, LogWriter } from '@yardmaster/ports';
import type { BrokerAnswer, PublishedMessage } from './memory-log-world.js';

interface Append {
  answer: BrokerAnswer | null;
  readonly resolve: (outcome: AppendOutcome) => void;
}

/** Predicts sequences, resolves in order, and ends with its first append that is not stored. */
export class MemoryLogWriter implements LogWriter {
  next: number;
  private readonly open: Append[] = [];
  private end: AppendOutcome | null = null;
  private latestId: string | null = null;

  constructor(
    private readonly stream: string,
    last: number,
    private readonly publish: (message: PublishedMessage, answer: (answer: BrokerAnswer) => void) => void,
  ) {
    this.next = last + 1;
  }

  append(msgId: string, data: Uint8Array): Promise<AppendOutcome> {
    const { end } = this;
    if (end !== null) return Promise.resolve(end);
    const seq = this.next++;
    const after = this.latestId;
    this.latestId = msgId;
    return new Promise((resolve) => {
      const append: Append = { answer: null, resolve };
      this.open.push(append);
      this.publish({ stream: this.stream, seq, after, msgId, data }, (answer) => {
        append.answer = answer;
        this.resolveInOrder();
      });
    });
  }

  private resolveInOrder(): void {
    for (let oldest = this.open[0]; oldest?.answer; oldest = this.open[0]) {
      this.open.shift();
      if (this.end === null && oldest.answer.kind !== 'stored') this.end = failed(oldest.answer);
      oldest.resolve(this.end ?? (oldest.answer as AppendOutcome));
      if (this.end !== null) for (const later of this.open.splice(0)) later.resolve(this.end);
    }
  }
}

function failed(answer: Exclude<BrokerAnswer, { kind: 'stored' }>): AppendOutcome {
  return answer.kind === 'conflict'
    ? { kind: 'refused', head: answer.head }
    : { kind: 'unresolved', reason: answer.reason };
}
