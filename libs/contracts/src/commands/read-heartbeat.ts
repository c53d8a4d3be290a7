import type { NodeHeartbeat } from './platform-commands.js';

const LONGEST_NAME = 200;

/** What came as a heartbeat, field by field: anybody who knows the subject may have sent it. Throws when it is none. */
export function readNodeHeartbeat(value: unknown): NodeHeartbeat {
  const beat = (value ?? {}) as Record<keyof NodeHeartbeat, unknown>;
  const {
    node,
    incarnation,
    service,
    pid,
    at,
    level,
    reads,
    offers,
    isLeaving,
    roles,
    outranked,
    positions,
  } = beat;
  if (
    !isName(node) ||
    !isName(incarnation) ||
    !isName(service) ||
    typeof pid !== 'number' ||
    typeof at !== 'number' ||
    typeof level !== 'number' ||
    typeof isLeaving !== 'boolean' ||
    !Array.isArray(offers) ||
    !offers.every(isName) ||
    !Array.isArray(roles) ||
    !roles.every(isRole) ||
    !isNumbers(reads) ||
    !isNumbers(outranked) ||
    !isNumbers(positions)
  )
    throw new TypeError('this is no heartbeat of a node');
  return {
    node,
    incarnation,
    service,
    pid,
    at,
    level,
    reads,
    offers,
    isLeaving,
    roles,
    outranked,
    positions,
  };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME;
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return (
    typeof value === 'object' && value !== null && Object.values(value).every((n) => typeof n === 'number')
  );
}

function isRole(value: unknown): value is NodeHeartbeat['roles'][number] {
  if (typeof value !== 'object' || value === null) return false;
  const { role, epoch, state } = value as Record<string, unknown>;
  return isName(role) && typeof epoch === 'number' && typeof state === 'string';
}
