export * from './topological.js';
