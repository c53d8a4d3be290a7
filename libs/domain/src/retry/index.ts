export * from './after-failure.js';
