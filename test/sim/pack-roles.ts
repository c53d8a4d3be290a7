import { BatcherRole } from '@yardmaster/batcher';
import type { Role } from '@yardmaster/service-kit';
import { SubmitterRole } from '@yardmaster/submitter';

/** Packs what owners pack only when there is much of it: nobody may tell the difference. */
export function packRoles(roles: readonly Role[]): void {
  for (const role of roles) {
    if (role instanceof SubmitterRole) role.state.tasks.packWaiting(Infinity, { rows: 1 });
    if (!(role instanceof BatcherRole)) continue;
    role.set.packReady({ queued: 1, rows: 3 });
    role.set.packScheduled();
  }
}
