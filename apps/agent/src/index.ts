export { Agent } from './agent.js';
export { AGENT_USAGE, resolveAgentConfig, type AgentConfig } from './config/agent-config.js';
export { jsonLog, type Log } from './log.js';
export { AgentRunsAlreadyError, lockHolder } from './state/agent-state.js';
