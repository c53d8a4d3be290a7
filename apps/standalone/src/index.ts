export { createYard, type CreateYardOptions, type RunningYard } from './create-yard.js';
