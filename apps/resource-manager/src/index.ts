export * from './resources.role.js';
export * from './resource-manager.module.js';
