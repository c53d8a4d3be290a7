import type { Credit, Offer } from '@yardmaster/contracts';
import type { CellWorker } from '@yardmaster/domain';

type Offering = Pick<CellWorker, 'healthy' | 'cordoned' | 'kind' | 'handlers' | 'tenant' | 'capacity'>;

/** What workers that may be given work can hold at once, by runtime; those that are alike are told together. */
export function creditOf(workers: Iterable<Offering>): Credit {
  const credit: Record<string, Map<string, Offer>> = {};
  for (const { healthy, cordoned, kind, handlers, tenant, capacity: total } of workers) {
    if (!healthy || cordoned) continue;
    const likeness = JSON.stringify([tenant, total]);
    for (const runtime of kind === 'agent' ? ['exec'] : [...handlers].map((name) => `handler:${name}`)) {
      const offers = (credit[runtime] ??= new Map<string, Offer>());
      offers.set(likeness, { total, tenant, workers: (offers.get(likeness)?.workers ?? 0) + 1 });
    }
  }
  return Object.fromEntries(
    Object.entries(credit).map(([runtime, offers]) => [runtime, [...offers.values()]]),
  );
}
