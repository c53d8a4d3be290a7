import { runService } from '@yardmaster/composition';
import { ArchiverModule } from './archive/archiver.module.js';
import { ProjectorModule } from './projector.module.js';
import { storesFromEnvironment, storesOf } from './stores.js';

const stores = storesFromEnvironment(process.env);
if (stores.postgres === null && stores.neo4j === null) {
  throw new Error(
    'neither YARD_POSTGRES_URL nor YARD_NEO4J_URL is set: a projector alone needs a store; `npm run dev:cluster` starts them',
  );
}
await runService('projector', [ProjectorModule.with(storesOf(stores)), ArchiverModule]);
