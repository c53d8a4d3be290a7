export * from './client/index.js';
export * from './session/index.js';
export { Worker, type Handler, type StopOptions, type WorkerOptions } from './worker.js';
export type { AttemptContext } from './worker/attempt.js';
export {
  AttemptEndedError,
  RetryableError,
  Snooze,
  TerminalError,
  type RetryableErrorOptions,
} from './worker/errors.js';
