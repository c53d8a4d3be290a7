import type { TaskSubmitted } from '@yardmaster/domain';
import { type LogRecord, taskStreams } from './log-record.js';

export interface Told {
  readonly submitted: TaskSubmitted | null;
  readonly parents: readonly string[];
  ends: string[];
  succeeded: boolean;
}

/** What the owners' streams say of each task. */
export function toldOf(log: LogRecord): Map<string, Told> {
  const told = new Map<string, Told>();
  const inWorkflow = new Map<string, string>();
  const of = (id: string): Told => {
    let known = told.get(id);
    if (known === undefined)
      told.set(id, (known = { submitted: null, parents: [], ends: [], succeeded: false }));
    return known;
  };
  for (const stream of taskStreams(log)) {
    for (const { events } of log.disk(stream)) {
      for (const event of events) {
        switch (event.type) {
          case 'TaskSubmitted': {
            if (event.workflow !== null) inWorkflow.set(`${event.workflow} ${String(event.index)}`, event.id);
            const parents = [
              ...event.needs,
              ...event.parents.map((i) => inWorkflow.get(`${event.workflow ?? ''} ${String(i)}`) ?? '?'),
            ];
            told.set(event.id, { submitted: event, parents, ends: [], succeeded: false });
            break;
          }
          case 'TaskSucceeded':
            of(event.id).ends.push('succeeded');
            of(event.id).succeeded = true;
            break;
          case 'TaskFailed':
            of(event.id).ends.push(event.dead === true ? 'dead' : 'failed');
            for (const id of event.upstreamFailed) of(id).ends.push('upstream_failed');
            break;
          case 'TaskCancelled':
            of(event.id).ends.push('cancelled');
            for (const id of event.upstreamFailed) of(id).ends.push('upstream_failed');
            break;
          default:
        }
      }
    }
  }
  return told;
}
