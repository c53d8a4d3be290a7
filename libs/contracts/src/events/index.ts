export * from './codec.js';
export * from './envelope-codec.js';
export * from './envelope.js';
export { CODECS, NotAnEnvelopeError, readEvent, UnreadableEventError } from './registry.js';
export { packContent, packContentFields, packSpec, unpackContent, unpackSpec } from './task-codecs.js';
export { eventVersions, FEATURE_LEVEL } from './versions.js';
export type { SealedBlock } from './seal.js';
export { openBlocks, SealedContents, type KeyOf } from './sealed-contents.js';
