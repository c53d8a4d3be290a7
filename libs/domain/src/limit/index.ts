export * from './accounts-state.js';
export * from './block-size.js';
export * from './gcra.js';
export * from './sliding-window.js';
