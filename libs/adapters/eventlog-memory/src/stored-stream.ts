import { LogGapError, type StoredMessage } from '@yardmaster/ports';

/** What the in-memory broker keeps of one stream. */
export class StoredStream {
  private firstKept = 1;
  private bytes = 0;
  /** `messages[i]` has sequence `firstKept + i`; null where the store was damaged. */
  private messages: (StoredMessage | null)[] = [];

  constructor(
    readonly name: string,
    private readonly maxBytes: number | null,
  ) {}

  get first(): number {
    return this.firstKept;
  }

  get last(): number {
    return this.firstKept + this.messages.length - 1;
  }

  get(seq: number): StoredMessage | null {
    return this.messages[seq - this.firstKept] ?? null;
  }

  /** The message at `seq`; throws where it is gone. */
  expect(seq: number): StoredMessage {
    const message = this.get(seq);
    if (message !== null) return message;
    const next = this.messages.slice(Math.max(0, seq - this.firstKept)).find((kept) => kept !== null);
    throw new LogGapError(this.name, seq, next?.seq ?? 0);
  }

  find(msgId: string): StoredMessage | undefined {
    return this.messages.findLast((message) => message?.msgId === msgId) ?? undefined;
  }

  all(): readonly StoredMessage[] {
    return this.messages.filter((message) => message !== null);
  }

  hasRoomFor(data: Uint8Array): boolean {
    return this.maxBytes === null || this.bytes + data.byteLength <= this.maxBytes;
  }

  append(msgId: string, data: Uint8Array): number {
    const seq = this.last + 1;
    this.messages.push({ stream: this.name, seq, msgId, data });
    this.bytes += data.byteLength;
    return seq;
  }

  trim(seq: number): void {
    const gone = this.messages.splice(0, Math.max(0, seq - this.firstKept + 1));
    this.firstKept += gone.length;
    for (const message of gone) this.bytes -= message?.data.byteLength ?? 0;
  }

  damage(seq: number): void {
    this.messages[seq - this.firstKept] = null;
  }
}
