import { Agent } from './agent.js';
import { AGENT_USAGE, resolveAgentConfig } from './config/agent-config.js';
import { jsonLog } from './log.js';
import { AgentRunsAlreadyError } from './state/agent-state.js';

const log = jsonLog((line) => process.stderr.write(line));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${AGENT_USAGE}\n`);
    return 0;
  }
  const resolved = await resolveAgentConfig(args, process.env);
  if ('problems' in resolved) {
    process.stderr.write(`${resolved.problems.join('\n')}\n\n${AGENT_USAGE}\n`);
    return 2;
  }
  let stop!: (because: string) => void;
  const told = new Promise<string>((resolve) => {
    stop = resolve;
  });
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.on(name, () => {
      stop(name);
    });
  // A closed terminal is no reason to drop work.
  process.on('SIGHUP', () => undefined);
  let agent: Agent;
  try {
    agent = await Agent.start(resolved.config, log, () => {
      stop('its state directory is gone');
    });
  } catch (error) {
    log('error', error instanceof Error ? error.message : String(error));
    return error instanceof AgentRunsAlreadyError ? 5 : 1;
  }
  log('info', 'started', { worker: agent.worker, pid: process.pid, dir: resolved.config.dir });
  log('info', 'stopping', { because: await told, running: agent.running });
  await agent.stop();
  return 0;
}

process.exit(await main(process.argv.slice(2)));
