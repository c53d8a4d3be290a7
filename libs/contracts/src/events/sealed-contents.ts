import { PairedContents, PlacedContents, placeRuns } from './placed-contents.js';
import { seal, unseal, type SealedBlock } from './seal.js';

/** A tenant's data key; null once it is destroyed. */
export type KeyOf = (tenant: number) => Uint8Array | null;

/** What only tenants may read of the items of a message, by their places: sealed in one block for each tenant. */
export class SealedContents {
  readonly #byTenant = new Map<number, PlacedContents | PairedContents>();

  constructor(private readonly form: 'runs' | 'pairs' = 'runs') {}

  add(tenant: number, place: number, content: unknown): void {
    let contents = this.#byTenant.get(tenant);
    if (contents === undefined) {
      contents = this.form === 'runs' ? new PlacedContents() : new PairedContents();
      this.#byTenant.set(tenant, contents);
    }
    contents.add(place, content);
  }

  /** `context` binds the blocks to their message. What an erased tenant says late keeps its clear part only. */
  blocks(context: string, keyOf: KeyOf): SealedBlock[] {
    const blocks: SealedBlock[] = [];
    for (const [tenant, contents] of this.#byTenant) {
      const key = keyOf(tenant);
      if (key !== null) blocks.push(seal(tenant, key, context, contents.packed()));
    }
    return blocks;
  }
}

/** Contents by place, as far as they may be read; null when nothing was sealed. Throws when a block was tampered with. */
export function openBlocks(
  blocks: readonly SealedBlock[],
  context: string,
  keyOf: KeyOf,
  place: (packed: readonly unknown[], into: unknown[]) => void = placeRuns,
): unknown[] | null {
  if (blocks.length === 0) return null;
  const contents: unknown[] = [];
  for (const block of blocks) {
    const key = keyOf(block[0]);
    if (key !== null) place(unseal(block, key, context), contents);
  }
  return contents;
}
