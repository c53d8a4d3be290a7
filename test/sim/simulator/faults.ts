import type { PublishFault } from '@yardmaster/eventlog-memory';
import type { Cell, Service } from './cell.js';
import type { Network } from './network.js';
import { MAX_DELAY_MS } from './network.js';
import type { Random } from './random.js';
import type { VirtualTime } from './virtual-time.js';

export const FAULTS = [
  'kill',
  'kill-all',
  'stop',
  'replace',
  'cut-log',
  'cut-others',
  'append',
  'lose',
  'duplicate',
  'delay',
  'clock',
] as const;
export type FaultKind = (typeof FAULTS)[number];

/** Does to a cell what happens to machines, and takes it back after a while. */
export class Faults {
  /** How often each one really struck something. */
  readonly landed: Partial<Record<FaultKind, number>> = {};

  constructor(
    private readonly cell: Cell,
    private readonly network: Network,
    private readonly time: VirtualTime,
    private readonly random: Random,
  ) {}

  strike(kind: FaultKind): string {
    const { cell, random, network } = this;
    const service = random.pick(cell.services);
    const { name } = service.process;
    switch (kind) {
      case 'kill':
        if (service.process.state === 'dead') return `${name} is dead already`;
        this.#kill(service);
        return `kill ${name}`;
      case 'kill-all':
        for (const one of [...cell.services, ...cell.deposed]) this.#kill(one);
        return 'kill every service';
      case 'stop': {
        const ms = random.between(200, random.chance(0.3) ? 45_000 : 6_000);
        service.process.stop();
        this.#land(kind);
        this.#later(ms, () => {
          service.process.resume();
        });
        return `stop ${name} for ${String(ms)} ms`;
      }
      case 'replace':
        return this.#replace(service);
      case 'cut-log': {
        const ms = random.between(200, 15_000);
        service.log.cut();
        this.#land(kind);
        this.#later(ms, () => {
          service.log.heal();
        });
        return `cut ${name} from the log for ${String(ms)} ms`;
      }
      case 'cut-others': {
        const ms = random.between(200, 20_000);
        service.process.isCutFromOthers = true;
        this.#later(ms, () => {
          service.process.isCutFromOthers = false;
        });
        return `cut ${name} from all others for ${String(ms)} ms`;
      }
      case 'append':
        return this.#spoilAppend();
      case 'lose':
        network.weather.loss = random.pick([0.05, 0.2, 0.5]);
        this.#clears(() => (network.weather.loss = 0));
        return `lose ${String(network.weather.loss * 100)} % of messages`;
      case 'duplicate':
        network.weather.duplication = random.pick([0.2, 1]);
        this.#clears(() => (network.weather.duplication = 0));
        return `say ${String(network.weather.duplication * 100)} % of messages twice`;
      case 'delay':
        network.weather.delayMs = random.pick([20, 300, MAX_DELAY_MS]);
        this.#clears(() => (network.weather.delayMs = 0));
        return `messages take up to ${String(network.weather.delayMs)} ms and overtake each other`;
      case 'clock': {
        service.process.wallOffsetMs = random.pick([-3_600_000, -5_000, 2_000, 3_600_000]);
        this.#land(kind);
        return `the clock of ${name} jumps by ${String(service.process.wallOffsetMs)} ms`;
      }
    }
  }

  /** What the network did counts when a message was struck. */
  total(): Partial<Record<FaultKind, number>> {
    const { lost, duplicated, delayed, cut } = this.network.landed;
    const all: Partial<Record<FaultKind, number>> = {
      ...this.landed,
      lose: lost,
      duplicate: duplicated,
      delay: delayed,
      'cut-others': cut,
    };
    return Object.fromEntries(Object.entries(all).filter(([, n]) => n > 0));
  }

  /** Everything is well again; who was replaced is gone. */
  heal(): void {
    const { cell, network } = this;
    cell.log.onPublish = null;
    Object.assign(network.weather, { loss: 0, duplication: 0, delayMs: 0 });
    for (const deposed of [...cell.deposed]) cell.kill(deposed, () => true);
    for (const { process, log } of cell.services) {
      process.isCutFromOthers = false;
      process.wallOffsetMs = 0;
      log.heal();
      process.resume();
    }
    this.revive();
  }

  /** Starts what is dead. */
  revive(): void {
    for (const { process, slot } of [...this.cell.services])
      if (process.state === 'dead') this.cell.start(slot);
  }

  #kill(service: Service): void {
    const { random, cell } = this;
    const keep = new Map(cell.streams.map((stream) => [stream, random.below(4)]));
    cell.kill(service, (stream) => {
      const left = keep.get(stream) ?? 0;
      keep.set(stream, left - 1);
      return left > 0;
    });
    this.#land('kill');
    this.#later(random.between(0, 3_000), () => {
      const now = cell.services[service.slot];
      if (now?.process.state === 'dead') cell.start(service.slot);
    });
  }

  /** Another takes its place while it lives: stopped, cut off, or not knowing. */
  #replace(service: Service): string {
    const { random, cell } = this;
    const { process, log } = service;
    if (process.state === 'dead' || cell.deposed.length > 1) return 'nobody to replace';
    const how = random.pick(['stopped', 'cut from the log', 'unaware'] as const);
    if (how === 'stopped') process.stop();
    if (how === 'cut from the log') log.cut();
    cell.start(service.slot);
    this.#land('replace');
    const ms = random.between(500, 12_000);
    this.#later(ms, () => {
      log.heal();
      process.resume();
      // It finds out with its next commit; whoever has none to make is stopped by its operator.
      this.#later(3_000, () => {
        cell.kill(service, () => true);
      });
    });
    return `replace ${process.name}, ${how}; it is back after ${String(ms)} ms`;
  }

  #spoilAppend(): string {
    const { random, cell } = this;
    const fault = random.pick<PublishFault>([
      'lose-answer',
      'refuse',
      'unresolved-stored',
      'unresolved-dropped',
    ]);
    let after = random.below(5);
    cell.log.onPublish = () => {
      if (after-- !== 0) return undefined;
      this.#land('append');
      return fault;
    };
    return `an append in a moment: ${fault}`;
  }

  #clears(clear: () => void): void {
    this.#later(this.random.between(500, 10_000), clear);
  }

  #later(ms: number, act: () => void): void {
    this.time.after(ms, act, null);
  }

  #land(kind: FaultKind): void {
    this.landed[kind] = (this.landed[kind] ?? 0) + 1;
  }
}
