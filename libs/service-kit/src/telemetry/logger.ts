import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on stderr, so that stdout stays for what a command answers. */
export function createLogger(service: string, node: string, level: string): Logger {
  return pino(
    { level, base: { service, node }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
