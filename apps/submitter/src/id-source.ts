import { randomUUID } from 'node:crypto';
import { commands, type GeneratorGrant, type IdsCommand } from '@yardmaster/contracts';
import { IdMinter } from '@yardmaster/domain';
import type { TaskId } from '@yardmaster/kernel';
import type { Bus } from '@yardmaster/service-kit';

/** Asks for more time when less than this is left. */
const RENEW_MS = 60_000;

/** Ids for one partition: made here, from a generator number leased from the id generator. */
export class IdSource {
  #minter: IdMinter | null = null;
  #grant: GeneratorGrant | null = null;
  #asking: Promise<void> | null = null;
  readonly #holder: string;

  constructor(
    private readonly bus: Bus,
    private readonly partition: number,
    node: string,
  ) {
    // Of this object alone: another one with the same name would be given the same times once more.
    this.#holder = `${node}/${randomUUID().slice(0, 8)}`;
  }

  /** A fresh id, or null while there is none to be had: `ready` tells when to try again. */
  mint(now: number): TaskId | null {
    if (this.#grant !== null && now > this.#grant.untilMs - RENEW_MS) void this.ready();
    return (this.#minter?.mint(now) ?? null) as TaskId | null;
  }

  /** Resolves when the id generator has answered, whatever it said. */
  async ready(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const command: IdsCommand = { op: 'lease', partitions: [this.partition], holder: this.#holder };
    const reply = await this.bus.request<GeneratorGrant[]>(commands.ids, command, { timeoutMs: 5_000 });
    const grant = reply.ok ? reply.value[0] : undefined;
    if (grant === undefined) return;
    if (
      this.#minter !== null &&
      this.#grant?.generator === grant.generator &&
      this.#grant.fromMs === grant.fromMs
    )
      this.#minter.extend(grant.untilMs);
    else this.#minter = new IdMinter(grant);
    this.#grant = grant;
  }
}
