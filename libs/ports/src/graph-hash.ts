import { createHash } from 'node:crypto';
import type { GraphEdge, GraphNode } from './graph-store.port.js';

const MODULUS = 1n << 128n;

/** What equal graphs have in common: a sum of hashes over nodes and edges, whatever order they come in. */
export class GraphHash {
  #sum = 0n;

  node({ id, tenant, workflow, key, name, rank, state, dueAt }: GraphNode): void {
    this.#add(['node', id, tenant, workflow, key, name, rank, state, dueAt]);
  }

  edge({ from, to, kind }: GraphEdge): void {
    this.#add(['edge', from, to, kind]);
  }

  /** 32 hex digits. */
  digest(): string {
    return this.#sum.toString(16).padStart(32, '0');
  }

  #add(parts: readonly unknown[]): void {
    const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
    this.#sum = (this.#sum + BigInt(`0x${digest.slice(0, 32)}`)) % MODULUS;
  }
}
