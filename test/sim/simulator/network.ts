import { pack, rejection, unpack, type Reply } from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';
import type { Random } from './random.js';
import { SimProcess } from './sim-process.js';
import type { VirtualTime } from './virtual-time.js';

/** A message is never on its way for longer. */
export const MAX_DELAY_MS = 2_000;
const TIMEOUT_MS = 10_000;
const RETRY_MS = 100;

/** What the network does to messages now. */
export interface Weather {
  loss: number;
  duplication: number;
  /** Messages overtake each other within this time. */
  delayMs: number;
}

interface Listener {
  readonly process: SimProcess;
  readonly hear: (body: Uint8Array) => void;
}
interface Server {
  readonly process: SimProcess;
  readonly answer: (body: Uint8Array, respond: (reply: Uint8Array) => void) => void;
}

/** Messages between the processes of a simulation, as core NATS would carry them on a good day and on bad ones. */
export class Network {
  readonly weather: Weather = { loss: 0, duplication: 0, delayMs: 0 };
  readonly landed = { lost: 0, duplicated: 0, delayed: 0, cut: 0 };
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #servers = new Map<string, Set<Server>>();

  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
  ) {}

  endpoint(process: SimProcess): Bus {
    return new Endpoint(this, this.time, process);
  }

  listen(subject: string, listener: Listener): { stop(): void } {
    return join(this.#listeners, subject, listener);
  }

  serve(subject: string, server: Server): { stop(): void } {
    return join(this.#servers, subject, server);
  }

  /** Subscriptions of living processes: a stopped one still has them. */
  serversOf(subject: string): Server[] {
    return [...(this.#servers.get(subject) ?? [])].filter(({ process }) => process.state !== 'dead');
  }

  publish(from: SimProcess, subject: string, body: Uint8Array): void {
    for (const { process, hear } of this.#listeners.get(subject) ?? [])
      this.send(from, process, () => {
        hear(body);
      });
    for (const { process, answer } of this.serversOf(subject))
      this.send(from, process, () => {
        answer(body, () => undefined);
      });
  }

  send(from: SimProcess, to: SimProcess, act: () => void): void {
    if (to.state === 'dead') return;
    if (from.isCutFromOthers || to.isCutFromOthers) {
      this.landed.cut++;
      return;
    }
    const { loss, duplication, delayMs } = this.weather;
    if (loss > 0 && this.random.chance(loss)) {
      this.landed.lost++;
      return;
    }
    const copies = duplication > 0 && this.random.chance(duplication) ? 2 : 1;
    if (copies > 1) this.landed.duplicated++;
    for (let i = 0; i < copies; i++) {
      const delay = delayMs > 0 ? this.random.below(delayMs + 1) : 0;
      if (delay > 0) this.landed.delayed++;
      const arrive = (): void => {
        to.run(act);
      };
      if (delay === 0) this.time.soon(arrive, null);
      else this.time.after(delay, arrive, null);
    }
  }
}

class Endpoint implements Bus {
  constructor(
    private readonly network: Network,
    private readonly time: VirtualTime,
    private readonly process: SimProcess,
  ) {}

  request<T>(subject: string, body: unknown, options?: Limits): Promise<Reply<T>> {
    return this.requestBytes(subject, pack(body), options);
  }

  requestBytes<T>(subject: string, body: Uint8Array, options: Limits = {}): Promise<Reply<T>> {
    const giveUpAt = this.time.now + (options.patienceMs ?? TIMEOUT_MS);
    return new Promise((resolve) => {
      this.#ask(subject, body, options.timeoutMs ?? TIMEOUT_MS, giveUpAt, (reply) => {
        resolve(reply as Reply<T>);
      });
    });
  }

  #ask(
    subject: string,
    body: Uint8Array,
    timeoutMs: number,
    giveUpAt: number,
    resolve: (reply: Reply<unknown>) => void,
  ): void {
    const servers = this.network.serversOf(subject);
    if (servers.length === 0) {
      // Nobody listens: certainly not carried out.
      if (this.time.now + RETRY_MS > giveUpAt)
        resolve({ ok: false, rejection: rejection('unavailable', `no owner answers on ${subject}`) });
      else
        this.time.after(
          RETRY_MS,
          () => {
            this.#ask(subject, body, timeoutMs, giveUpAt, resolve);
          },
          this.process,
        );
      return;
    }
    for (const server of servers)
      this.network.send(this.process, server.process, () => {
        server.answer(body, (reply) => {
          this.network.send(server.process, this.process, () => {
            resolve(unpack(reply) as Reply<unknown>);
          });
        });
      });
    this.time.after(
      timeoutMs,
      () => {
        resolve({ ok: false, rejection: rejection('outcome-unknown', 'no answer in time') });
      },
      this.process,
    );
  }

  publish(subject: string, body: unknown): void {
    this.publishBytes(subject, pack(body));
  }

  publishBytes(subject: string, body: Uint8Array): void {
    this.network.publish(this.process, subject, body);
  }

  subscribe(subject: string, onMessage: (body: unknown, subject: string) => void): { stop(): void } {
    return this.network.listen(subject, {
      process: this.process,
      hear: (body) => {
        onMessage(unpack(body), subject);
      },
    });
  }

  serve(
    subject: string,
    handler: (body: unknown) => Promise<Reply<unknown>> | Reply<unknown>,
  ): { stop(): void } {
    return this.network.serve(subject, {
      process: this.process,
      answer: (body, respond) => {
        void Promise.resolve(handler(unpack(body))).then((reply) => {
          respond(pack(reply));
        });
      },
    });
  }
}

interface Limits {
  readonly timeoutMs?: number;
  readonly patienceMs?: number;
}

function join<T>(sets: Map<string, Set<T>>, subject: string, one: T): { stop(): void } {
  let set = sets.get(subject);
  if (set === undefined) sets.set(subject, (set = new Set()));
  set.add(one);
  return {
    stop: () => {
      set.delete(one);
    },
  };
}
