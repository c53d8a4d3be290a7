import { runService } from '@yardmaster/composition';
import { MonitorModule } from './monitor.module.js';

await runService('monitor', [MonitorModule]);
