import { randomUUID } from 'node:crypto';
import {
  commands,
  streams,
  readNodeHeartbeat,
  telemetry,
  type ClusterCommand,
  type ClusterView,
  type NodeHeartbeat,
  type Reply,
} from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/domain';
import type { Clock } from '@yardmaster/kernel';
import type { CommandHandlers, MessageHandlers, Role, RoleContext } from '@yardmaster/service-kit';

/** Installation, roles and nodes. Duties are assigned by configuration; epochs of those without a stream are given here. */
export class ClusterRole implements Role {
  readonly name = 'cluster';
  readonly stream = streams.cluster;
  readonly follows: readonly string[] = [];
  installation: string | null = null;
  readonly #epochs = new Map<string, { node: string; epoch: number }>();
  readonly #nodes = new Map<string, { beat: NodeHeartbeat; heardAt: number }>();
  readonly serves: CommandHandlers = {
    [commands.cluster]: (body: ClusterCommand, ctx) => this.#handle(body, ctx),
  };
  readonly hears: MessageHandlers = {
    [telemetry.heartbeats]: (body: unknown) => {
      const beat = readNodeHeartbeat(body);
      this.#nodes.set(beat.node, { beat, heardAt: this.clock.monotonic() });
    },
  };

  constructor(
    private readonly partitions: number,
    private readonly clock: Clock,
  ) {}

  apply(event: DomainEvent): void {
    if (event.type === 'ClusterFounded') this.installation = event.installation;
    else if (event.type === 'RoleAssigned')
      this.#epochs.set(event.role, { node: event.node, epoch: event.epoch });
  }

  takeOver(ctx: RoleContext): void {
    if (this.installation === null)
      ctx.commit([{ type: 'ClusterFounded', installation: randomUUID(), partitions: this.partitions }]);
  }

  advance(): void {
    // Nothing is due by itself.
  }

  #handle(command: ClusterCommand, ctx: RoleContext): Promise<Reply<unknown>> | Reply<unknown> {
    if (command.op === 'view') return { ok: true, value: this.#view() };
    const epoch = (this.#epochs.get(command.role)?.epoch ?? 0) + 1;
    return new Promise((resolve) => {
      ctx.commit([{ type: 'RoleAssigned', role: command.role, node: command.node, epoch }], () => {
        resolve({ ok: true, value: { epoch } });
      });
    });
  }

  #view(): ClusterView {
    const now = this.clock.monotonic();
    const nodes = [...this.#nodes.values()].map(({ beat, heardAt }) => ({
      node: beat.node,
      service: beat.service,
      pid: beat.pid,
      roles: beat.roles.map((r) => r.role),
      lastSeenMs: Math.round(now - heardAt),
    }));
    const roles = [...this.#nodes.values()].flatMap(({ beat }) =>
      beat.roles.map((r) => ({ role: r.role, node: beat.node, epoch: r.epoch })),
    );
    return { installation: this.installation ?? '', partitions: this.partitions, nodes, roles };
  }
}
