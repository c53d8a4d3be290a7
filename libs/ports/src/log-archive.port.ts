/** A run of messages of one stream. Sealed ones never change; an open one is replaced by a longer one as the stream grows. */
export interface SegmentName {
  readonly stream: string;
  readonly first: number;
  readonly last: number;
  readonly isSealed: boolean;
}

/** Where segments of the log are kept, apart from the broker: on other disks, or in an object store. It knows bytes and names only. */
export interface LogArchive {
  /** Segments of a stream by their first sequence, then their last. Half-written ones are not there. */
  list(stream: string): Promise<readonly SegmentName[]>;
  /** Durable when it resolves: all of it under its name, or nothing. */
  write(name: SegmentName, bytes: Uint8Array): Promise<void>;
  /** null when there is no such segment. */
  read(name: SegmentName): Promise<Uint8Array | null>;
  /** Removes an open segment that a longer one has replaced. A sealed one is refused. */
  drop(name: SegmentName): Promise<void>;
}

/** `00000000000000000001-00000000000000000900.open` or `.sealed`: in the order of their names. */
export function segmentFile({ first, last, isSealed }: SegmentName): string {
  const pad = (seq: number): string => String(seq).padStart(20, '0');
  return `${pad(first)}-${pad(last)}.${isSealed ? 'sealed' : 'open'}`;
}

/** null for what is no segment's name. */
export function parseSegmentFile(stream: string, file: string): SegmentName | null {
  const match = /^(\d{20})-(\d{20})\.(open|sealed)$/.exec(file);
  if (match === null) return null;
  return { stream, first: Number(match[1]), last: Number(match[2]), isSealed: match[3] === 'sealed' };
}
