import { runService } from '@yardmaster/composition';
import { ResourceManagerModule } from './resource-manager.module.js';

await runService('resource-manager', [ResourceManagerModule]);
