export * from './ids.role.js';
