import { runService } from '@yardmaster/composition';
import { RateLimiterModule } from './ratelimiter.module.js';

await runService('ratelimiter', [RateLimiterModule]);
