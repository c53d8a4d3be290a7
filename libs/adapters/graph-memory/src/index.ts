export { MemoryGraph } from './memory-graph.js';
