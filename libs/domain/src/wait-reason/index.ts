export * from './wait-reason.js';
