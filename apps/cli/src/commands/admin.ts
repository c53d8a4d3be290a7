import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterResponse, Yard } from '@yardmaster/sdk';
import {
  HEARTBEAT_MS,
  type MaintenanceView,
  type VerifiedPart,
  type ViewsRebuildResponse,
  type ViewsVerificationResponse,
} from '@yardmaster/contracts';
import { EXIT } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { note, outputForm, printData, printTable } from '../output/print.js';
import { took } from '../output/values.js';

const LOOK_MS = 500;
/** A lag of nothing is believed when it is seen so often: the tables may just be gone. */
const STILL = 2;

export const verify: Action = ({ options }) =>
  withYard(options, async (yard) => {
    let run: string | null = null;
    let told: ViewsVerificationResponse;
    do {
      told = await yard.call<ViewsVerificationResponse>({
        method: 'POST',
        path: `/v1/admin/verify${run === null ? '' : `?run=${encodeURIComponent(run)}`}`,
        repeatable: run !== null,
      });
      run = told.run;
      if (told.state === 'running') note(`${String(eventsOf(told))} events read so far`);
    } while (told.state === 'running');
    const form = outputForm(options);
    if (form === 'json' || form === 'yaml') await printData(told, form);
    else show(told);
    return told.equal === true ? EXIT.ok : EXIT.failed;
  });

export const raiseLevel: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const { level } = await yard.call<ClusterResponse>({
      method: 'POST',
      path: '/v1/admin/feature-level',
      repeatable: true,
    });
    note(`the cluster works at feature level ${String(level)}; nodes that do not know it get no roles`);
    return EXIT.ok;
  });

export const maintenance: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const { forMs, workers, leases } = await yard.call<MaintenanceView>({
      method: 'POST',
      path: '/v1/admin/maintenance',
      body: { bytes: JSON.stringify({ for: String(options['for']) }), type: 'application/json' },
      repeatable: false,
    });
    note(
      `no lease runs out for ${took(forMs)}: ${String(workers)} workers with ${String(leases)} attempts hear it with their next heartbeat, within ${took(HEARTBEAT_MS * 2)}`,
    );
    return EXIT.ok;
  });

export const rebuild: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const { rebuilding } = await yard.call<ViewsRebuildResponse>({
      method: 'POST',
      path: '/v1/admin/rebuild',
      repeatable: false,
    });
    note(`made anew from the log: ${rebuilding.join(', ')}`);
    if (options['wait'] !== false && rebuilding.includes('relational')) await caughtUp(yard);
    return EXIT.ok;
  });

async function caughtUp(yard: Yard): Promise<void> {
  let said = -1;
  for (let still = 0; still < STILL;) {
    await sleep(LOOK_MS);
    const lags = Object.values((await yard.cluster()).projectionLag);
    const behind = lags.reduce((sum, lag) => sum + lag, 0);
    still = lags.length > 0 && behind === 0 ? still + 1 : 0;
    if (behind !== said && behind > 0) note(`${String(behind)} envelopes to go`);
    said = behind;
  }
  note('the tables are up to date');
}

function eventsOf({ relational, graph, archive }: ViewsVerificationResponse): number {
  return (relational?.events ?? 0) + (graph?.events ?? 0) + (archive?.events ?? 0);
}

function show(told: ViewsVerificationResponse): void {
  const views = [told.relational, told.graph, told.archive].filter((view) => view !== null);
  const parts = views.flatMap((view) => view.parts);
  const rows = ({ rows: counted }: VerifiedPart['stored']): string =>
    counted === null ? '-' : String(counted);
  if (parts.length > 0)
    printTable(parts, [
      { title: 'VIEW', of: (part) => part.name },
      { title: 'ROWS', of: (part) => rows(part.stored) },
      { title: 'MADE ANEW', of: (part) => rows(part.rebuilt) },
      { title: 'EQUAL', of: (part) => (part.equal ? 'yes' : 'NO') },
    ]);
  for (const { error } of views) if (error !== null) note(`failed: ${error}`);
  if (told.relational?.equal === false || told.graph?.equal === false)
    note('the views differ from the log: `yard admin rebuild` makes them anew');
  if (told.equal === true) note(`equal: ${String(eventsOf(told))} events and messages read`);
}
