import type { Options } from '../invocation.js';

export function timeLimit(options: Options): { timeout?: string } {
  const timeout = options['timeout'] as string | undefined;
  return timeout === undefined ? {} : { timeout };
}
