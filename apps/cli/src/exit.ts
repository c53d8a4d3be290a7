/** Exit codes of the command line; a refusal's own code stands in the error catalogue. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  conflict: 5,
  unavailable: 6,
  limit: 7,
  waitTimedOut: 124,
  interrupted: 130,
} as const;

/** Ends the command with a message and an exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    readonly exit: number,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

export function usage(message: string, hint: string | null = null): CommandError {
  return new CommandError(EXIT.usage, message, hint);
}

/** Says on stderr what went wrong and returns the exit code for it. */
export async function explain(error: unknown): Promise<number> {
  if (error instanceof CommandError) {
    say(error.message, error.hint);
    return error.exit;
  }
  const { YardApiError, WaitTimeoutError, TaskFailedError } = await import('@yardmaster/sdk');
  if (error instanceof YardApiError) {
    const { ERRORS } = await import('@yardmaster/contracts');
    say(`${error.code}: ${error.message}`, hintFor(error.code));
    for (const { path, message } of error.problem?.errors ?? [])
      // Mostly there is one fault, and the line above has told it.
      if (!error.message.includes(message)) process.stderr.write(`  ${path || '(whole)'}: ${message}\n`);
    return ERRORS[error.code].exit;
  }
  if (error instanceof WaitTimeoutError) {
    say(error.message);
    return EXIT.waitTimedOut;
  }
  if (error instanceof TaskFailedError) {
    say(error.message);
    return EXIT.failed;
  }
  if (isSystemError(error)) {
    say(error.message);
    return error.code === 'ENOENT' ? EXIT.notFound : EXIT.failed;
  }
  if (error instanceof RangeError) {
    say(error.message);
    return EXIT.usage;
  }
  process.stderr.write(`yard: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}

function say(message: string, hint: string | null = null): void {
  process.stderr.write(`yard: ${message}\n${hint === null ? '' : `      ${hint}\n`}`);
}

function hintFor(code: string): string | null {
  if (code === 'unauthenticated') return 'set YARD_TOKEN, or name the state directory with --home';
  if (code === 'unavailable') return '`yard doctor` looks for the cause; `yard up` starts a yard here';
  return null;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string' && 'syscall' in error
  );
}
