export * from './order-key.js';
export * from './ordered-heap.js';
