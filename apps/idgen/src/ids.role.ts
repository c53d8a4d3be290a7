import {
  commands,
  snapshotForms,
  streams,
  type GeneratorGrant,
  type IdsCommand,
  type Reply,
} from '@yardmaster/contracts';
import { type DomainEvent, GeneratorLeases } from '@yardmaster/domain';
import type { CommandHandlers, Role, RoleContext } from '@yardmaster/service-kit';

/** Owner of the generator numbers: leases them with high-water marks, so that no id is ever made twice. */
export class IdsRole implements Role {
  readonly name = 'ids';
  readonly stream = streams.ids;
  readonly follows: readonly string[] = [];
  readonly state = new GeneratorLeases();
  readonly snapshot = snapshotForms.generators(this.state);
  readonly serves: CommandHandlers = { [commands.ids]: (body: IdsCommand, ctx) => this.#lease(body, ctx) };

  apply(event: DomainEvent): void {
    this.state.apply(event);
  }

  advance(): void {
    // Leases run out by themselves.
  }

  #lease(command: IdsCommand, ctx: RoleContext): Promise<Reply<GeneratorGrant[]>> {
    const leases = command.partitions.map((partition) =>
      this.state.decide(partition, command.holder, ctx.now()),
    );
    const grants = leases.map(({ partition, generator, fromMs, untilMs }) => ({
      partition,
      generator,
      fromMs,
      untilMs,
    }));
    return new Promise((resolve) => {
      ctx.commit(leases, () => {
        resolve({ ok: true, value: grants });
      });
    });
  }
}
