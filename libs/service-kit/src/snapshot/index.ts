export * from './snapshot-codec.js';
export * from './snapshot-loader.js';
export * from './snapshot-place.js';
export * from './snapshotter.js';
