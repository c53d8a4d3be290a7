import { runService } from '@yardmaster/composition';
import { BatcherModule } from './batcher.module.js';

await runService('batcher', [BatcherModule]);
