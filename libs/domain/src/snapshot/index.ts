export * from './cell.rows.js';
export * from './partition.rows.js';
export * from './queue.rows.js';
export * from './ready.rows.js';
export * from './row.js';
export * from './small.rows.js';
