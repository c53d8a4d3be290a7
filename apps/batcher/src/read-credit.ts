import type { Credit, Offer } from '@yardmaster/contracts';

/** What came over the bus as credit. Throws TypeError when it is none: it is refused and counted then, and the last one stays. */
export function readCredit(value: unknown): Credit {
  if (!isRecord(value)) throw new TypeError('credit is no map of runtimes');
  for (const offers of Object.values(value))
    if (!Array.isArray(offers) || !offers.every(isOffer))
      throw new TypeError('credit of a runtime is no list of offers');
  return value as Credit;
}

function isOffer(value: unknown): value is Offer {
  if (!isRecord(value) || !isRecord(value['total'])) return false;
  const { total, tenant, workers = 1 } = value;
  return (
    Object.values(total as object).every((amount) => typeof amount === 'number') &&
    (tenant === null || typeof tenant === 'number') &&
    typeof workers === 'number'
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
