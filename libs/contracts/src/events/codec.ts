import type { DomainEvent, EventType } from '@yardmaster/domain';

export type Fields = readonly unknown[];

/**
 * How one type of event is written. `code` and `version` are for ever: a new shape is a new version with an
 * upcaster from the one before, and the golden files hold every version ever written.
 */
export interface EventCodec<E extends DomainEvent> {
  readonly type: E['type'];
  readonly code: number;
  readonly version: number;
  /** Clear fields, by position. Trailing defaults may be left out. */
  write(event: E): unknown[];
  /** `sealed` is what `seal` gave, or null when it may not be read any more. */
  read(fields: Fields, sealed: unknown): E;
  /** Content for the tenant's eyes only, or undefined when the event has none. */
  seal?(event: E): unknown;
  /** Tenant that the sealed part belongs to. */
  tenantOf?(event: E): number;
  /** How versions before are written, for as long as a cluster may work at a level that has them. */
  readonly earlier?: Readonly<Record<number, Pick<EventCodec<E>, 'write' | 'seal'>>>;
  /** `upcasters[v]` turns the fields of version v into those of v + 1. */
  readonly upcasters?: Readonly<Record<number, (fields: Fields) => Fields>>;
}

export type AnyCodec = EventCodec<never>;
export type EventOf<T extends EventType> = Extract<DomainEvent, { type: T }>;

export const str = (value: unknown): string => value as string;
export const num = (value: unknown): number => value as number;
export const list = <T>(value: unknown): readonly T[] => (value ?? []) as readonly T[];
export const orNull = <T>(value: unknown): T | null => (value ?? null) as T | null;
