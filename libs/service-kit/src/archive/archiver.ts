import { CHAIN_START, hashOf } from '@yardmaster/contracts';
import type { EventLog, LogArchive, SegmentName, StoredMessage } from '@yardmaster/ports';
import { ArchiveDamagedError, brokenLink, decodeSegment, encodeSegment, type Segment } from './segment.js';

/** A segment of this size is sealed. */
const SEAL_BYTES = 4 * 1024 * 1024;
const SEAL_MESSAGES = 20_000;

export interface ArchivedUpTo {
  readonly stream: string;
  readonly last: number;
  readonly lastHash: string;
  readonly sha256: string;
}

export interface ArchiverOptions {
  readonly log: EventLog;
  readonly archive: LogArchive;
  readonly streams: readonly string[];
  /** Tells the owner of a stream that it is archived up to here; false when nobody could be told. */
  readonly tell: (upTo: ArchivedUpTo) => Promise<boolean>;
  readonly sealBytes?: number;
  readonly sealMessages?: number;
}

/** Where the archive of a stream ends. */
interface End {
  readonly last: number;
  readonly lastHash: string;
  /** The open segments after the last sealed one, in order. */
  open: SegmentName[];
  openBytes: number;
  /** The last sealed segment, while its stream's owner does not know of it. */
  untold: ArchivedUpTo | null;
}

export interface RunResult {
  readonly copied: number;
  /** Messages of all streams that are not in the archive yet. */
  readonly behind: number;
}

/**
 * Copies what is committed into the archive, in order and with its chain. Owns: the segments. Invariants: a segment is written
 * only from messages whose chain holds, following on the one before; it is read back and checked before anyone hears of it;
 * sealed ones are never touched again. Two of these at once do no harm: both write the same messages.
 */
export class Archiver {
  readonly #ends = new Map<string, End>();

  constructor(private readonly options: ArchiverOptions) {}

  /** Brings every stream up to date. */
  async runOnce(stop?: AbortSignal): Promise<RunResult> {
    let copied = 0;
    let behind = 0;
    for (const stream of this.options.streams) {
      if (stop?.aborted === true) break;
      const { last } = await this.options.log.head(stream);
      const end = this.#ends.get(stream) ?? (await this.#find(stream, last));
      this.#ends.set(stream, end);
      const done = await this.#bringUp(stream, end, last, stop);
      copied += done;
      behind += last - (this.#ends.get(stream)?.last ?? 0);
      await this.#tellOwner(stream);
    }
    return { copied, behind };
  }

  async #find(stream: string, head: number): Promise<End> {
    const all = coverage(await this.options.archive.list(stream));
    const sealed = all.filter(({ isSealed }) => isSealed);
    const open = all.filter(({ isSealed }) => !isSealed);
    const lastSealed = sealed.at(-1);
    const newest = all.at(-1);
    if (newest === undefined) return { last: 0, lastHash: CHAIN_START, open: [], openBytes: 0, untold: null };
    const { header } = await this.#read(newest);
    if (newest.last > head)
      throw new ArchiveDamagedError(
        newest,
        `reaches beyond the stream, which ends at ${String(head)}: an older copy of the log was put back, or this is another yard's archive`,
      );
    await this.#mustBeOfThisLog(newest, header.lastHash);
    let openBytes = 0;
    for (const name of open) openBytes += (await this.#read(name)).header.size;
    const untold = lastSealed === undefined ? null : upTo(await this.#read(lastSealed));
    return { last: header.last, lastHash: header.lastHash, open, openBytes, untold };
  }

  async #mustBeOfThisLog(newest: SegmentName, lastHash: string): Promise<void> {
    const { log } = this.options;
    if ((await log.head(newest.stream)).first > newest.last) return;
    for await (const { data } of log.read(newest.stream, newest.last, newest.last))
      if (hashOf(data) !== lastHash)
        throw new ArchiveDamagedError(
          newest,
          `is not of this log: ${String(newest.last)} is another message there; this is another yard's archive, or another log was put in its place`,
        );
  }

  async #bringUp(stream: string, start: End, head: number, stop: AbortSignal | undefined): Promise<number> {
    const { log, sealBytes = SEAL_BYTES, sealMessages = SEAL_MESSAGES } = this.options;
    let end = start;
    let copied = 0;
    while (end.last < head && stop?.aborted !== true) {
      const messages: StoredMessage[] = [];
      let bytes = 0;
      for await (const message of log.read(stream, end.last + 1, head)) {
        messages.push(message);
        bytes += message.data.byteLength;
        if (end.openBytes + bytes >= sealBytes || messages.length >= sealMessages) break;
      }
      const isFull =
        end.openBytes + bytes >= sealBytes ||
        end.last + messages.length - (end.open[0]?.first ?? end.last + 1) + 1 >= sealMessages;
      end = isFull
        ? ((await this.#seal(stream, end, messages)) ?? (await this.#find(stream, head)))
        : await this.#append(stream, end, messages, bytes);
      this.#ends.set(stream, end);
      copied += messages.length;
    }
    return copied;
  }

  /** One more open segment after those that are there. */
  async #append(stream: string, end: End, messages: readonly StoredMessage[], bytes: number): Promise<End> {
    const { header, name } = await this.#write(stream, messages, end.lastHash, false);
    return {
      last: header.last,
      lastHash: header.lastHash,
      open: [...end.open, name],
      openBytes: end.openBytes + bytes,
      untold: end.untold,
    };
  }

  /** All open segments and the new messages become one sealed segment; null when another archiver was quicker. */
  async #seal(stream: string, end: End, added: readonly StoredMessage[]): Promise<End | null> {
    const messages: StoredMessage[] = [];
    let prevHash = end.lastHash;
    for (const [i, name] of end.open.entries()) {
      const bytes = await this.options.archive.read(name);
      if (bytes === null) return null;
      const segment = decodeSegment(name, bytes);
      if (i === 0) prevHash = segment.header.prevHash;
      messages.push(...segment.messages.filter(({ seq }) => seq > (messages.at(-1)?.seq ?? 0)));
    }
    const segment = await this.#write(stream, [...messages, ...added], prevHash, true);
    for (const name of end.open) await this.options.archive.drop(name);
    const { last, lastHash } = segment.header;
    return { last, lastHash, open: [], openBytes: 0, untold: upTo(segment) };
  }

  async #write(
    stream: string,
    messages: readonly StoredMessage[],
    prevHash: string,
    isSealed: boolean,
  ): Promise<Segment & { readonly name: SegmentName }> {
    const name = { stream, first: messages[0]?.seq ?? 0, last: messages.at(-1)?.seq ?? 0, isSealed };
    const broken = brokenLink(messages, prevHash);
    if (broken !== null) throw new BrokenStreamError(stream, broken);
    await this.options.archive.write(name, encodeSegment(messages, prevHash));
    return { ...(await this.#read(name)), name };
  }

  async #read(name: SegmentName): Promise<Segment> {
    const bytes = await this.options.archive.read(name);
    if (bytes === null) throw new ArchiveDamagedError(name, 'is gone');
    return decodeSegment(name, bytes);
  }

  async #tellOwner(stream: string): Promise<void> {
    const end = this.#ends.get(stream);
    if (end?.untold == null) return;
    if (await this.options.tell(end.untold)) end.untold = null;
  }
}

/** The stream itself does not hold together: nothing of it is archived from there on. */
export class BrokenStreamError extends Error {
  override readonly name = 'BrokenStreamError';
  readonly code = 'broken-chain';
  constructor(stream: string, seq: number) {
    super(
      `stream ${stream} sequence ${String(seq)} does not follow on what lies before it: a stored message was changed; nothing from there on is archived; run \`yard doctor\` and restore the stream from a good copy`,
    );
  }
}

function upTo({ header: { stream, last, lastHash, sha256 } }: Segment): ArchivedUpTo {
  return { stream, last, lastHash, sha256 };
}

/** The fewest segments that hold a stream from its first archived message on without a gap; they may overlap. */
export function coverage(names: readonly SegmentName[]): SegmentName[] {
  const sorted = [...names].sort((a, b) => a.first - b.first);
  const chosen: SegmentName[] = [];
  let next = sorted[0]?.first ?? 0;
  let at = 0;
  for (;;) {
    let best: SegmentName | undefined;
    for (let name = sorted[at]; name !== undefined && name.first <= next; name = sorted[++at])
      if (name.last >= next && (best === undefined || reachesFurther(name, best))) best = name;
    if (best === undefined) return chosen;
    chosen.push(best);
    next = best.last + 1;
  }
}

function reachesFurther(one: SegmentName, other: SegmentName): boolean {
  return one.last > other.last || (one.last === other.last && one.isSealed && !other.isSealed);
}
