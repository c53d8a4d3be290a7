import type { Identity } from '@yardmaster/contracts';

/** Whoever stands behind a request. */
export interface Caller {
  readonly identity: Identity;
  /** Tenant whose things it may see; null = all. */
  readonly scope: number | null;
}

export function callerOf(identity: Identity): Caller {
  return { identity, scope: identity.role === 'operator' ? null : identity.tenant };
}
