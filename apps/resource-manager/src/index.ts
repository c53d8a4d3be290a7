export * from './resources.role.js';
