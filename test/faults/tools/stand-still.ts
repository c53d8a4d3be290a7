import { kill } from '../../support/processes.js';

const AGAIN_MS = 50;

/** Stops processes with SIGSTOP and keeps them so: on a shared machine somebody else may wake what he finds stopped. */
export function standStill(pids: readonly number[]): () => void {
  const stop = (): void => {
    for (const pid of pids) kill(pid, 'SIGSTOP');
  };
  stop();
  const timer = setInterval(stop, AGAIN_MS);
  return () => {
    clearInterval(timer);
    for (const pid of pids) kill(pid, 'SIGCONT');
  };
}
