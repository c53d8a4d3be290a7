export * from './follower-register.js';
export * from './purger.js';
