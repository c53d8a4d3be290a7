/**
 * Lets this process go on when whoever read what it prints is gone (`npm start | head`, a closed pipe): it has work to end, and
 * says in its log files and to its clients what it has to say. Other faults of the two streams still end it.
 */
export function outliveTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreBrokenPipe);
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
