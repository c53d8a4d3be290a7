import { BatcherRole } from '@yardmaster/batcher';
import { IdsRole } from '@yardmaster/idgen';
import type { Clock } from '@yardmaster/kernel';
import { QueueRole } from '@yardmaster/queue-manager';
import { type FirstKey, LimitsRole } from '@yardmaster/ratelimiter';
import { ResourcesRole } from '@yardmaster/resource-manager';
import type { Bus, Role } from '@yardmaster/service-kit';
import { ClusterRole, IdSource, SubmitterRole } from '@yardmaster/submitter';

export interface CellPlan {
  readonly partitions: number;
  readonly firstKeys: readonly FirstKey[];
  readonly count: (what: 'staleReports' | 'leasesLost' | 'badFrames', n: number) => void;
}

const untraced = {
  submitted: () => undefined,
  assignment: () => null,
  attemptEnded: () => undefined,
  ended: () => undefined,
};

/** The deciding roles of a cell by the service that has them, new objects for each start. */
export function servicesOf(
  { partitions, firstKeys, count }: CellPlan,
  { clock, bus }: { readonly clock: Clock; readonly bus: Bus },
): ((epoch: number) => Role[])[] {
  return [
    () => [new ClusterRole(partitions, clock), new LimitsRole(firstKeys), new IdsRole()],
    () =>
      Array.from(
        { length: partitions },
        (_, p) =>
          new SubmitterRole(p, new IdSource(bus, p, String(p)), untraced, {
            get: () => Promise.resolve(null),
          }),
      ),
    (epoch) => [new BatcherRole(partitions, () => epoch)],
    () => [new QueueRole(partitions)],
    () => [
      new ResourcesRole(clock, {
        staleReports: (n) => {
          count('staleReports', n);
        },
        leasesLost: (n) => {
          count('leasesLost', n);
        },
        badFrame: () => {
          count('badFrames', 1);
        },
      }),
    ],
  ];
}
