import { isBlobRef, type Envelope } from '@yardmaster/contracts';
import type { DomainEvent, TaskCancelled, TaskFailed } from '@yardmaster/domain';

/** One event as the public sees it. */
export interface PublicEvent {
  readonly type: string;
  /** null = not of one tenant: operators only. */
  readonly tenant: number | null;
  readonly task: string | null;
  readonly workflow: string | null;
  /** JSON of an EventResponse. */
  readonly json: string;
  /** What the same fact means for other tasks. */
  readonly more?: readonly PublicEvent[];
}

/** The events of one envelope as the public sees them. */
export interface EnvelopeView {
  /** Event `i`; null when there is nothing to tell. */
  at: (i: number) => PublicEvent | null;
}

const shared = new WeakMap<Envelope, EnvelopeView>();

/** For a reader who is alone: each event is made when it is asked for, and not kept. */
export function viewOf(envelope: Envelope): EnvelopeView {
  // Most envelopes have nothing that their reader asked for.
  let time: string | null = null;
  return {
    at: (i) => {
      const event = envelope.events[i];
      time ??= `"time":"${new Date(envelope.at).toISOString()}"`;
      return event === undefined ? null : publicEvent(event, time);
    },
  };
}

/** For several readers: each event is made once, when it is first asked for, and kept as long as its envelope. */
export function sharedViewOf(envelope: Envelope): EnvelopeView {
  let view = shared.get(envelope);
  if (view === undefined) {
    const own = viewOf(envelope);
    const made: (PublicEvent | null | undefined)[] = new Array<undefined>(envelope.events.length).fill(
      undefined,
    );
    view = {
      at: (i) => {
        const before = made[i];
        return before === undefined ? (made[i] = own.at(i)) : before;
      },
    };
    shared.set(envelope, view);
  }
  return view;
}

function publicEvent(event: DomainEvent, time: string): PublicEvent | null {
  switch (event.type) {
    case 'WorkflowSubmitted':
      return {
        type: event.type,
        tenant: event.tenant,
        task: null,
        workflow: event.id,
        json: `{"type":"WorkflowSubmitted",${time},"workflow":"${event.id}","name":${JSON.stringify(event.sealed.name)},"state":"running","status":"in_progress","count":${String(event.count)}}`,
      };
    case 'TaskSubmitted': {
      const state = event.dueAt !== null ? 'scheduled' : event.open > 0 ? 'blocked' : 'ready';
      const workflow =
        event.workflow === null
          ? ''
          : `,"workflow":"${event.workflow}","key":${JSON.stringify(event.sealed.key)}`;
      return {
        type: event.type,
        tenant: event.tenant,
        task: event.id,
        workflow: event.workflow,
        json: `{"type":"TaskSubmitted",${time},"task":"${event.id}"${workflow},"name":${JSON.stringify(event.sealed.name)},"state":"${state}","status":"waiting"}`,
      };
    }
    case 'TasksDue':
      return {
        type: event.type,
        tenant: null,
        task: null,
        workflow: null,
        json: `{"type":"TasksDue",${time},"tasks":${JSON.stringify(event.ids)}}`,
      };
    case 'CancelRequested':
      return {
        type: event.type,
        tenant: null,
        task: event.id,
        workflow: null,
        json: `{"type":"CancelRequested",${time},"task":"${event.id}"}`,
      };
    case 'TaskSucceeded': {
      const released = event.released.length === 0 ? '' : `,"released":${JSON.stringify(event.released)}`;
      return {
        type: event.type,
        tenant: event.tenant,
        task: event.id,
        workflow: null,
        json: `{"type":"TaskSucceeded",${time},"task":"${event.id}","state":"succeeded","status":"done","attempt":${String(event.attempt)},"result":${resultJson(event.sealed?.result)}${released}}`,
      };
    }
    case 'TaskFailed':
      return {
        type: event.type,
        tenant: event.tenant,
        task: event.id,
        workflow: null,
        json: `{"type":"TaskFailed",${time},"task":"${event.id}","state":"${event.dead === true ? 'dead' : 'failed'}","status":"failed","attempt":${String(event.attempt)},"category":"${event.category}","error":${JSON.stringify(event.sealed?.error ?? null)}}`,
        more: upstreamFailed(event, time),
      };
    case 'TaskCancelled':
      return {
        type: event.type,
        tenant: event.tenant,
        task: event.id,
        workflow: null,
        json: `{"type":"TaskCancelled",${time},"task":"${event.id}","state":"cancelled","status":"failed"}`,
        more: upstreamFailed(event, time),
      };
    case 'WorkflowEnded':
      return {
        type: event.type,
        tenant: event.tenant,
        task: null,
        workflow: event.id,
        json: `{"type":"WorkflowEnded",${time},"workflow":"${event.id}","state":"${event.state}","status":"${event.state === 'succeeded' ? 'done' : 'failed'}"}`,
      };
    case 'LeaseGranted':
      return {
        type: event.type,
        tenant: event.tenant,
        task: event.task,
        workflow: null,
        json: `{"type":"LeaseGranted",${time},"task":"${event.task}","state":"running","status":"in_progress","attempt":${String(event.attempt)},"worker":${JSON.stringify(event.worker)},"fence":${String(event.fence)}}`,
      };
    case 'LeaseEnded':
      return {
        type: event.type,
        tenant: event.tenant,
        task: event.task,
        workflow: null,
        json: `{"type":"LeaseEnded",${time},"task":"${event.task}","attempt":${String(event.attempt)},"worker":${JSON.stringify(event.worker)},"outcome":"${event.outcome}","exitCode":${String(event.exitCode)},"error":${JSON.stringify(event.sealed?.error ?? null)},"fence":${String(event.fence)}}`,
      };
    case 'WorkerJoined':
      return {
        type: event.type,
        tenant: event.tenant,
        task: null,
        workflow: null,
        json: `{"type":"WorkerJoined",${time},"worker":${JSON.stringify(event.worker)},"name":${JSON.stringify(event.name)},"kind":"${event.kind}"}`,
      };
    case 'WorkerGone':
      return {
        type: event.type,
        tenant: null,
        task: null,
        workflow: null,
        json: `{"type":"WorkerGone",${time},"worker":${JSON.stringify(event.worker)},"why":"${event.why}"}`,
      };
    case 'WorkerCordoned':
      return {
        type: event.type,
        tenant: null,
        task: null,
        workflow: null,
        json: `{"type":"WorkerCordoned",${time},"worker":${JSON.stringify(event.worker)},"cordoned":${String(event.cordoned)}}`,
      };
    default:
      return null;
  }
}

/** A result that lies in the blob store is read with `GET /v1/tasks/{id}/result`. */
function resultJson(result: unknown): string {
  if (result === undefined || result === null) return 'null';
  return isBlobRef(result) ? '{"$blob":true}' : JSON.stringify(result);
}

function upstreamFailed(
  { id: cause, tenant, upstreamFailed: ids }: TaskFailed | TaskCancelled,
  time: string,
): readonly PublicEvent[] {
  return ids.map((id) => ({
    type: 'TaskUpstreamFailed',
    tenant,
    task: id,
    workflow: null,
    json: `{"type":"TaskUpstreamFailed",${time},"task":"${id}","state":"upstream_failed","status":"failed","cause":"${cause}"}`,
  }));
}
