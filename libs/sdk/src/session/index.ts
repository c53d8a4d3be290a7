export { BootClock, type MachineClocks } from './boot-clock.js';
export { LeaseValidity } from './lease-validity.js';
export { reconnectDelayMs, RECONNECT_SPREAD_MS } from './reconnect-delay.js';
export type { ReportJournal } from './report-journal.js';
export { retryTransient, WorkerHttp, WorkerHttpError, type LogStream } from './worker-http.js';
export { WorkerSession, type TextSource, type WorkerSessionOptions } from './worker-session.js';
