import { runService } from '@yardmaster/composition';
import { QueueManagerModule } from './queue-manager.module.js';

await runService('queue-manager', [QueueManagerModule]);
