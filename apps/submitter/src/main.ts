import { runService } from '@yardmaster/composition';
import { SubmitterModule } from './submitter.module.js';

await runService('submitter', [SubmitterModule]);
