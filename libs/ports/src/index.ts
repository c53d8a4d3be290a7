export * from './blob-store.port.js';
export * from './event-log.port.js';
export * from './graph-hash.js';
export * from './graph-store.port.js';
export * from './keystore.port.js';
export * from './log-archive.port.js';
export * from './read-model.port.js';
export * from './seat.port.js';
