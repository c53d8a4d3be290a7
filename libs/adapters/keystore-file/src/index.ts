export * from './file-keystore.js';
