import { describe } from 'vitest';
import { journey } from './journey/journey.js';

describe('the services in one process', () => {
  journey('one-process');
});
