export * from './keys.js';
export * from './limits.role.js';
export * from './ratelimiter.module.js';
