export type { JsonSchema } from './json-schema.js';
export * from './not-yet.js';
export * from './openapi.js';
export * from './proto-files.js';
export * from './request-schemas.js';
export * from './response-schemas.js';
export * from './routes.js';
export * from './types.js';
