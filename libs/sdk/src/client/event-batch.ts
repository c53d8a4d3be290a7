import type { EventResponse } from '@yardmaster/contracts';

/** Type of the event by which the yard says why it ends the stream; its data is a problem. */
const FAILURE = 'error';

/**
 * Some whole events as they came from the yard, in order. Nothing is parsed before it is asked for: a consumer that
 * only counts or filters pays for a scan of the text.
 */
export class EventBatch {
  private parsed: readonly EventResponse[] | null = null;

  constructor(
    /** Server-sent events, each closed by an empty line. */
    readonly text: string,
    /** Position after the last of them: what to resume from. */
    readonly position: string,
  ) {}

  /** All of them, parsed once. */
  get events(): readonly EventResponse[] {
    return (this.parsed ??= this.parse());
  }

  /** Calls `visit` with the type and the unparsed JSON of each event. */
  scan(visit: (type: string, json: string) => void): void {
    const { text } = this;
    let type = '';
    let data = '';
    for (let at = 0; at < text.length;) {
      let end = text.indexOf('\n', at);
      if (end < 0) end = text.length;
      if (end === at) {
        if (data !== '' && type !== FAILURE) visit(type, data);
        type = '';
        data = '';
      } else if (text.startsWith('data:', at)) {
        const part = field(text, at + 5, end);
        data = data === '' ? part : `${data}\n${part}`;
      } else if (text.startsWith('event:', at)) {
        type = field(text, at + 6, end);
      }
      at = end + 1;
    }
  }

  /** The problem (JSON) that ended the stream, or null. */
  get failure(): string | null {
    const at = this.text.lastIndexOf(`event: ${FAILURE}\ndata: `);
    return at < 0
      ? null
      : this.text.slice(this.text.indexOf('data: ', at) + 6, this.text.indexOf('\n\n', at));
  }

  private parse(): readonly EventResponse[] {
    const parts: string[] = [];
    this.scan((_, json) => parts.push(json));
    return JSON.parse(`[${parts.join(',')}]`) as EventResponse[];
  }
}

/** Cuts the bytes of a stream into batches of whole events, one batch a chunk at most. */
export class EventCutter {
  private readonly decoder = new TextDecoder();
  private rest = '';
  private last = '';

  /** The last position seen, also one that came without an event; empty before the first. */
  get position(): string {
    return this.last;
  }

  /** Null while no event is complete. Comments (keep-alives) alone make no batch. */
  push(chunk: Uint8Array): EventBatch | null {
    const fresh = this.decoder.decode(chunk, { stream: true });
    const text = this.rest + (fresh.includes('\r') ? fresh.replaceAll('\r\n', '\n') : fresh);
    const cut = text.lastIndexOf('\n\n');
    if (cut < 0) {
      this.rest = text;
      return null;
    }
    this.rest = text.slice(cut + 2);
    const whole = text.slice(0, cut + 2);
    this.last = lastId(whole) ?? this.last;
    return whole.startsWith('data:') || whole.includes('\ndata:') ? new EventBatch(whole, this.last) : null;
  }
}

function lastId(text: string): string | null {
  const inner = text.lastIndexOf('\nid:');
  const at = inner >= 0 ? inner + 1 : text.startsWith('id:') ? 0 : -1;
  return at < 0 ? null : field(text, at + 3, text.indexOf('\n', at));
}

function field(text: string, from: number, to: number): string {
  return text.slice(text.charCodeAt(from) === 32 ? from + 1 : from, to);
}
