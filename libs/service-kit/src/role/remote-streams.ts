import type { Envelope } from '@yardmaster/contracts';
import type { LogFollower } from '@yardmaster/ports';
import type { CommittedHub } from '../log/committed-hub.js';

interface Source {
  follower: LogFollower | null;
  at: number;
  isStopped: boolean;
  waiting: { readonly seq: number; readonly resolve: (reached: boolean) => void }[];
}

/** The streams that a host follows in the broker, each once, because another process writes them. */
export class RemoteStreams {
  readonly #sources = new Map<string, Source>();

  constructor(
    private readonly hub: CommittedHub,
    private readonly deliver: (envelope: Envelope) => void,
  ) {}

  has(stream: string): boolean {
    return this.#sources.has(stream);
  }

  names(): string[] {
    return [...this.#sources.keys()];
  }

  /** Delivers every envelope after `after`, from when this resolves on. */
  async follow(stream: string, after: number): Promise<void> {
    if (this.#sources.has(stream)) return;
    const source: Source = { follower: null, at: after, isStopped: false, waiting: [] };
    this.#sources.set(stream, source);
    const follower = await this.hub.follow(stream, after, (envelope) => {
      if (source.isStopped) return;
      source.at = envelope.seq;
      this.deliver(envelope);
      if (source.waiting.length === 0) return;
      for (const { seq, resolve } of source.waiting) if (seq <= source.at) resolve(true);
      source.waiting = source.waiting.filter(({ seq }) => seq > source.at);
    });
    // The flag may have changed meanwhile.
    if ((source as { isStopped: boolean }).isStopped) follower.stop();
    else source.follower = follower;
  }

  /** Resolves when everything up to `seq` was delivered: true; false when it is not followed any more. */
  reached(stream: string, seq: number): Promise<boolean> {
    const source = this.#sources.get(stream);
    if (source === undefined) return Promise.resolve(false);
    if (source.at >= seq) return Promise.resolve(true);
    return new Promise((resolve) => source.waiting.push({ seq, resolve }));
  }

  stop(stream: string): void {
    const source = this.#sources.get(stream);
    if (source === undefined) return;
    this.#sources.delete(stream);
    source.isStopped = true;
    source.follower?.stop();
    for (const { resolve } of source.waiting) resolve(false);
  }

  stopAll(): void {
    for (const stream of this.names()) this.stop(stream);
  }
}
