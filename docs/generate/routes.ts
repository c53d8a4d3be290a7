import { LIMITS, ROUTES, type RouteSpec } from '@yardmaster/contracts';
import { ROLE_MATRIX } from '../../apps/gateway/src/auth/roles.js';
import { code, table } from './markdown.js';

const ROLES = ['viewer', 'submitter', 'tenant-admin', 'operator', 'agent'] as const;

export function routeTables(): string {
  const routes: readonly RouteSpec[] = ROUTES;
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  return tags.map((tag) => `### ${tag}\n\n${routeTable(routes.filter((r) => r.tag === tag))}`).join('\n\n');
}

function routeTable(routes: readonly RouteSpec[]): string {
  const rows = routes.map(({ operation, method, path, query, summary, answer }) => {
    const allowed = ROLE_MATRIX[operation as keyof typeof ROLE_MATRIX];
    return [
      code(`${method} ${path}`),
      Object.keys(query ?? {})
        .map(code)
        .join(' '),
      summary,
      String(answer.status),
      allowed === 'open'
        ? 'no key needed'
        : allowed.length === ROLES.length
          ? 'every role'
          : allowed.join(', '),
    ];
  });
  return table(['call', 'query', 'does', 'answers', 'roles'], rows);
}

const SIZES: Readonly<Record<keyof typeof LIMITS, string>> = {
  taskBytes: 'one task',
  bulkBytes: 'body of a bulk submission',
  workflowBytes: 'body of a workflow',
  scriptBytes: 'one script',
  blobBytes: 'one stored value',
  logChunkBytes: 'one upload of output',
  smallBytes: 'any other body',
  bulkTasks: 'tasks in a bulk submission',
  workflowTasks: 'tasks in a workflow',
  workflowEdges: 'dependencies in a workflow',
  inputDepth: 'levels of nesting in `run.input`',
  waitMs: 'longest long poll',
  pageItems: 'items of one page',
};

export function limitTable(): string {
  const rows = (Object.keys(LIMITS) as (keyof typeof LIMITS)[]).map((name) => {
    const value = LIMITS[name];
    const shown = name.endsWith('Bytes')
      ? value >= 1024 ** 2
        ? `${String(value / 1024 ** 2)} MiB`
        : `${String(value / 1024)} KiB`
      : name.endsWith('Ms')
        ? `${String(value / 1000)} s`
        : value.toLocaleString('en');
    return [SIZES[name], shown];
  });
  return table(['what', 'at most'], rows);
}
