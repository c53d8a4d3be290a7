import { describe } from 'vitest';
import { journey } from './journey/journey.js';

describe('the services in processes of their own', () => {
  journey('apart');
});
