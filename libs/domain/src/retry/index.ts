export * from './after-failure.js';
export * from './poison.js';
