export * from './ids.role.js';
export * from './idgen.module.js';
