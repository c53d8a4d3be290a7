import type { Duty } from '../nest/role-registry.js';

interface Running {
  readonly duty: Duty;
  readonly epoch: number;
}

/** The duties that this process has: started and stopped one after the other as it is told. */
export class Duties {
  readonly #running = new Map<string, Running>();
  #wanted: ReadonlyMap<string, number> = new Map();
  #work: Promise<void> = Promise.resolve();

  constructor(
    private readonly offers: ReadonlyMap<string, () => Duty>,
    private readonly on: { onChange: () => void; onFailure: (what: string, error: unknown) => void },
  ) {}

  /** Resolves when it is so. */
  assign(wanted: ReadonlyMap<string, number>): Promise<void> {
    this.#wanted = wanted;
    this.#work = this.#work.then(() => this.#bringAbout());
    return this.#work;
  }

  status(): { role: string; epoch: number; state: 'active' }[] {
    return [...this.#running].map(([role, { epoch }]) => ({ role, epoch, state: 'active' }));
  }

  async #bringAbout(): Promise<void> {
    for (const [name, { duty }] of [...this.#running]) {
      if (this.#wanted.has(name)) continue;
      await this.#guarded(name, () => duty.stop());
      this.#running.delete(name);
      this.on.onChange();
    }
    for (const [name, epoch] of this.#wanted) {
      const known = this.#running.get(name);
      const duty = known?.duty ?? this.offers.get(name)?.();
      if (duty === undefined || known?.epoch === epoch) continue;
      if (known === undefined && !(await this.#guarded(name, () => duty.start()))) continue;
      this.#running.set(name, { duty, epoch });
      this.on.onChange();
    }
  }

  async #guarded(name: string, step: () => Promise<void> | void): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      this.on.onFailure(name, error);
      return false;
    }
  }
}
