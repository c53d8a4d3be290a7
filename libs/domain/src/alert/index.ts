export * from './alert-book.js';
