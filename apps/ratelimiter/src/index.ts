export * from './keys.js';
export * from './limits.role.js';
