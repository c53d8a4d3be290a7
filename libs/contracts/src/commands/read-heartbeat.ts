import type { NodeHeartbeat } from './platform-commands.js';

/** What came as a heartbeat, field by field: anybody who knows the subject may have sent it. Throws when it is none. */
export function readNodeHeartbeat(value: unknown): NodeHeartbeat {
  const { node, service, pid, at, roles, lag } = (value ?? {}) as Record<string, unknown>;
  if (
    typeof node !== 'string' ||
    node === '' ||
    node.length > 200 ||
    typeof service !== 'string' ||
    typeof pid !== 'number' ||
    typeof at !== 'number' ||
    typeof lag !== 'object' ||
    lag === null ||
    !Array.isArray(roles) ||
    !roles.every(isRole)
  )
    throw new TypeError('this is no heartbeat of a node');
  return { node, service, pid, at, roles, lag: lag as NodeHeartbeat['lag'] };
}

function isRole(value: unknown): value is NodeHeartbeat['roles'][number] {
  if (typeof value !== 'object' || value === null) return false;
  const { role, epoch } = value as Record<string, unknown>;
  return typeof role === 'string' && typeof epoch === 'number';
}
