import { runService } from '@yardmaster/composition';
import { IdGenModule } from './idgen.module.js';

await runService('idgen', [IdGenModule]);
