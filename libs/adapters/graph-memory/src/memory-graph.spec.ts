import { describeGraph } from '@yardmaster/testkit';
import { MemoryGraph } from './memory-graph.js';

describeGraph('memory', () => Promise.resolve(new MemoryGraph()));
