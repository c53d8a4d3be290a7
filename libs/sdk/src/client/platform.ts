import type {
  AlertView,
  CapacityView,
  Page,
  QueueView,
  ScriptResponse,
  WorkerResponse,
} from '@yardmaster/contracts';
import type { HttpChannel } from './http-channel.js';

/** `yard.workers`. Errors are YardApiError. */
export class Workers {
  constructor(private readonly channel: HttpChannel) {}

  list(): Promise<Page<WorkerResponse>> {
    return this.channel.send({ method: 'GET', path: '/v1/workers', repeatable: true });
  }

  get(id: string): Promise<WorkerResponse> {
    return this.channel.send({
      method: 'GET',
      path: `/v1/workers/${encodeURIComponent(id)}`,
      repeatable: true,
    });
  }

  /** It gets no new work; what it runs goes on. */
  cordon(id: string): Promise<WorkerResponse> {
    return this.channel.send({
      method: 'POST',
      path: `/v1/workers/${encodeURIComponent(id)}/cordon`,
      repeatable: true,
    });
  }

  /** It gets no new work, and has `deadline` (`10m`) to finish what it runs; after that this is ended and runs elsewhere, at no cost, unless `onDeadline` is `wait`; with `checkpoint` each attempt once it has left a checkpoint. */
  drain(
    id: string,
    options: { readonly deadline: string; readonly onDeadline?: 'kill' | 'checkpoint' | 'wait' },
  ): Promise<WorkerResponse> {
    return this.channel.send({
      method: 'POST',
      path: `/v1/workers/${encodeURIComponent(id)}/drain`,
      body: { bytes: JSON.stringify(options), type: 'application/json' },
      repeatable: true,
    });
  }

  uncordon(id: string): Promise<WorkerResponse> {
    return this.channel.send({
      method: 'POST',
      path: `/v1/workers/${encodeURIComponent(id)}/uncordon`,
      repeatable: true,
    });
  }
}

/** `yard.queues`. Errors are YardApiError. */
export class Queues {
  constructor(private readonly channel: HttpChannel) {}

  list(): Promise<Page<QueueView>> {
    return this.channel.send({ method: 'GET', path: '/v1/queues', repeatable: true });
  }

  get(name: string): Promise<QueueView> {
    return this.channel.send({
      method: 'GET',
      path: `/v1/queues/${encodeURIComponent(name)}`,
      repeatable: true,
    });
  }

  /** How long a worker may be silent before tasks of this queue run elsewhere, `30s` to `15m`; null = `30s`. */
  setLeaseTtl(name: string, leaseTtl: string | null): Promise<QueueView> {
    return this.channel.send({
      method: 'PUT',
      path: `/v1/queues/${encodeURIComponent(name)}`,
      body: { bytes: JSON.stringify({ leaseTtl }), type: 'application/json' },
      repeatable: true,
    });
  }

  /** Nothing more starts from it; what runs goes on. */
  pause(name: string): Promise<QueueView> {
    return this.channel.send({
      method: 'POST',
      path: `/v1/queues/${encodeURIComponent(name)}/pause`,
      repeatable: true,
    });
  }

  resume(name: string): Promise<QueueView> {
    return this.channel.send({
      method: 'POST',
      path: `/v1/queues/${encodeURIComponent(name)}/resume`,
      repeatable: true,
    });
  }
}

/** `yard.scripts`. Errors are YardApiError. */
export class Scripts {
  constructor(private readonly channel: HttpChannel) {}

  /** Uploads a script under the tenant's script root; tasks submitted before keep the version they pinned. */
  put(path: string, content: string | Uint8Array): Promise<ScriptResponse> {
    const address = path.split('/').map(encodeURIComponent).join('/');
    return this.channel.send({
      method: 'PUT',
      path: `/v1/scripts/${address}`,
      body: { bytes: content, type: 'application/octet-stream' },
      repeatable: true,
    });
  }
}

/** One alert as HTTP shows it: times are RFC 3339. */
export interface AlertResponse extends Omit<AlertView, 'raisedAt' | 'clearedAt'> {
  readonly raisedAt: string;
  readonly clearedAt: string | null;
}

/** A message that no service could read. `head`: its first bytes, base64. */
export interface DeadLetterResponse {
  readonly at: string;
  readonly node: string;
  readonly where: string;
  readonly subject: string;
  readonly reason: string;
  readonly bytes: number;
  readonly head: string;
}

export type CapacityResponse = CapacityView;
export type QueueResponse = QueueView;

export interface ClusterNodeResponse {
  readonly node: string;
  readonly service: string;
  readonly pid: number;
  readonly level: number;
  /** Roles that it is the owner of now. */
  readonly roles: readonly string[];
  readonly state: 'up' | 'silent' | 'leaving';
  readonly lastSeenMs: number;
  /** Envelopes that its roles have still to apply. */
  readonly lag: number;
  readonly [more: string]: unknown;
}

export interface ClusterRoleResponse {
  readonly role: string;
  /** Who is to have it; null while nobody can. */
  readonly node: string | null;
  readonly epoch: number;
  readonly state: 'active' | 'moving';
}

/** Nodes, roles and epochs; more fields may come. */
export interface ClusterResponse {
  readonly installation: string;
  readonly partitions: number;
  /** Feature level that all nodes work at. */
  readonly level: number;
  readonly nodes: readonly ClusterNodeResponse[];
  readonly roles: readonly ClusterRoleResponse[];
  readonly projectionLag: Readonly<Record<string, number>>;
  readonly [more: string]: unknown;
}
