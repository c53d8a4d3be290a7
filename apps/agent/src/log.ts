export type Level = 'info' | 'warn' | 'error';
/** One structured line about the agent itself; never output of tasks. */
export type Log = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void;

export function jsonLog(write: (line: string) => void): Log {
  return (level, message, fields) => {
    write(`${JSON.stringify({ level, time: Date.now(), service: 'agent', msg: message, ...fields })}\n`);
  };
}
