import type { Brand } from './brand.js';

/** 63-bit positive integer as a decimal string; tells its time and its partition. */
export type TaskId = Brand<string, 'TaskId'>;
/** Same form as a task's id. */
export type WorkflowId = Brand<string, 'WorkflowId'>;
/** Chosen by the worker and kept over its restarts, so that it finds its leases again. */
export type WorkerId = Brand<string, 'WorkerId'>;
/** Name of a tenant: `^[a-z0-9][a-z0-9-]{0,62}$`. */
export type TenantId = Brand<string, 'TenantId'>;

export const asTaskId = (text: string): TaskId => text as TaskId;
export const asWorkflowId = (text: string): WorkflowId => text as WorkflowId;
export const asWorkerId = (text: string): WorkerId => text as WorkerId;
export const asTenantId = (text: string): TenantId => text as TenantId;

const ID = /^[1-9][0-9]{0,18}$/;
const MAX_ID = '9223372036854775807';

/** True for the decimal form of a positive integer below 2^63. */
export function isId(text: string): boolean {
  return ID.test(text) && (text.length < MAX_ID.length || text <= MAX_ID);
}

/** Numeric order of two decimal ids. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
