import { LIMITS, ROUTES, type RouteSpec } from '@yardmaster/contracts';

const SPECS: readonly RouteSpec[] = ROUTES;

/** `/v1/tasks/{id}` as the router writes it: `/v1/tasks/:id`. */
export function routerPath(path: string): string {
  return path.replace(/\{[^}]+\*\}$/, '*').replace(/\{([^}]+)\}/g, ':$1');
}

const BY_ROUTE = new Map(SPECS.map((spec) => [`${spec.method} ${routerPath(spec.path)}`, spec]));
const BY_OPERATION = new Map(SPECS.map((spec) => [spec.operation, spec]));
const PATTERNS = SPECS.map((spec) => ({
  method: spec.method,
  pattern: new RegExp(
    `^${spec.path
      .replace(/[.]/g, '\\.')
      .replace(/\{[^}]+\*\}$/, '.+')
      .replace(/\{[^}]+\}/g, '[^/]+')}$`,
  ),
}));

/** The spec behind a route of the router; HEAD is the GET without its body. */
export function specOfRoute(method: string, url: string | undefined): RouteSpec | null {
  return BY_ROUTE.get(`${method === 'HEAD' ? 'GET' : method} ${url ?? ''}`) ?? null;
}

export function specOf(operation: RouteSpec['operation']): RouteSpec {
  return BY_OPERATION.get(operation)!;
}

export function bodyLimitOf(spec: RouteSpec | null): number {
  return spec?.body === undefined ? LIMITS.smallBytes : LIMITS[spec.body.limit];
}

/** Methods that an address takes. */
export function methodsAt(path: string): string[] {
  return [...new Set(PATTERNS.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
}
