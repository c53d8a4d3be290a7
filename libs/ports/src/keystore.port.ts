/** Data keys of tenants (32 bytes), kept outside the log so that erasing one erases the tenant's content. */
export interface TenantKeystore {
  /** The tenant's key, made at first use; null when it was destroyed. Synchronous: called for each envelope. */
  keyOf(tenant: number): Uint8Array | null;
}
