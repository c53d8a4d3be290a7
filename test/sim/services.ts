import { BatcherRole } from '@yardmaster/batcher';
import { IdsRole } from '@yardmaster/idgen';
import type { Clock } from '@yardmaster/kernel';
import { QueueRole } from '@yardmaster/queue-manager';
import { type FirstKey, LimitsRole } from '@yardmaster/ratelimiter';
import { ResourcesRole } from '@yardmaster/resource-manager';
import type { Bus, Role, WantedRoles } from '@yardmaster/service-kit';
import { ClusterRole, IdSource, NodeRoster, SubmitterRole } from '@yardmaster/submitter';

export interface CellPlan {
  readonly partitions: number;
  readonly firstKeys: readonly FirstKey[];
  readonly count: (what: 'staleReports' | 'adoptedReports' | 'leasesLost' | 'badFrames', n: number) => void;
}

const untraced = {
  submitted: () => undefined,
  assignment: () => null,
  attemptEnded: () => undefined,
  ended: () => undefined,
};

/** Roles that a process can have, by name. */
export type Offers = ReadonlyMap<string, () => Role>;

/** The deciding roles of a cell by the service that has them, new objects for each start. */
export function servicesOf(
  { partitions, firstKeys, count }: CellPlan,
  { clock, bus }: { readonly clock: Clock; readonly bus: Bus },
): Offers[] {
  const badFrame = (): void => {
    count('badFrames', 1);
  };
  return [
    new Map<string, () => Role>([
      ['cluster', () => new ClusterRole(partitions, new NodeRoster(clock))],
      ['limits', () => new LimitsRole(firstKeys)],
      ['ids', () => new IdsRole()],
    ]),
    new Map<string, () => Role>(
      Array.from({ length: partitions }, (_, p) => [
        `submitter/${String(p)}`,
        () =>
          new SubmitterRole(p, new IdSource(bus, p, String(p)), untraced, {
            get: () => Promise.resolve(null),
          }),
      ]),
    ),
    new Map<string, () => Role>([['batcher/main', () => new BatcherRole(partitions)]]),
    new Map<string, () => Role>([['queue/main', () => new QueueRole(partitions)]]),
    new Map<string, () => Role>([
      [
        'resources/main',
        () =>
          new ResourcesRole(clock, {
            adoptedReports: (n) => {
              count('adoptedReports', n);
            },
            staleReports: (n) => {
              count('staleReports', n);
            },
            leasesLost: (n) => {
              count('leasesLost', n);
            },
            badFrame,
          }),
      ],
    ]),
  ];
}

/** Who has what is fixed in these tests; a role without a stream still needs a higher epoch each time. */
export function fixedRoles(offers: Offers, epoch: number): WantedRoles {
  return new Map([...offers.keys()].map((name) => [name, name === 'batcher/main' ? epoch : null]));
}
