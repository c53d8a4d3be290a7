export * from './alert-book.js';
export * from './disagreement.js';
