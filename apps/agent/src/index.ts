export { Agent } from './agent.js';
export { AGENT_USAGE, resolveAgentConfig, type AgentConfig } from './config/agent-config.js';
export { jsonLog, type Log } from './log.js';
export { AgentRunsAlreadyError, lockHolder } from './state/agent-state.js';

/** For `node` before the path of the agent's main file: a small heap, for it starts processes. */
export const AGENT_NODE_FLAGS = ['--max-semi-space-size=4'] as const;
