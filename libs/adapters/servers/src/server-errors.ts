/** A backing server cannot be provided. The message is one line that says what to do. */
export class ServerUnavailable extends Error {
  override readonly name = 'ServerUnavailable';
  readonly code = 'server-unavailable';
}

/** Another yard uses this state directory. */
export class YardAlreadyRunning extends Error {
  override readonly name = 'YardAlreadyRunning';
  readonly code = 'yard-already-running';
  /** Process id of the yard that holds the state directory. */
  readonly pid: number;
  readonly home: string;

  constructor(home: string, pid: number) {
    super(`a yard already runs on ${home} (process ${pid}): stop it, or set YARD_HOME to another directory`);
    this.pid = pid;
    this.home = home;
  }
}
