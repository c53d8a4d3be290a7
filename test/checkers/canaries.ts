/** A word that nobody else could have come upon. */
export interface Canary {
  readonly word: string;
  /** Who alone may read it: a tenant's name; null for a secret, which nobody may. */
  readonly owner: string | null;
}

/** Something that can be read. */
export interface Transcript {
  readonly where: string;
  /** Who can read it: a tenant's name; null for whoever has the machine or the whole yard. */
  readonly reader: string | null;
  readonly text: string;
}

/**
 * I10 and I11: no tenant reads a word of another one, and no secret stands anywhere at all. Words of tenants are looked for where
 * another tenant reads, and where nobody should find them in clear (`reader` null).
 */
export function faultsOfCanaries(canaries: readonly Canary[], transcripts: readonly Transcript[]): string[] {
  const faults: string[] = [];
  for (const { where, reader, text } of transcripts)
    for (const { word, owner } of canaries) {
      if ((owner !== null && owner === reader) || !text.includes(word)) continue;
      faults.push(
        owner === null
          ? `I11 a secret stands in ${where}`
          : `I10 a word of ${owner} stands in ${where}, which ${reader ?? 'everybody'} may read`,
      );
    }
  return faults;
}

/** The vacuity guard: words that not even their owner found. Where they never arrived, that nobody else has them proves nothing. */
export function unheard(canaries: readonly Canary[], transcripts: readonly Transcript[]): Canary[] {
  return canaries.filter(
    ({ word, owner }) =>
      owner !== null && !transcripts.some(({ reader, text }) => reader === owner && text.includes(word)),
  );
}
