export { BrokenSequenceError, ForeignPositionError, ProjectionHalted } from './follow/errors.js';
export type { ProjectionStatus } from './follow/keep-going.js';
export { GRAPH_ENDED, GraphFold, type GraphChanges } from './graph/graph-fold.js';
export { GraphProjector, type GraphProjectorOptions } from './graph/graph-projector.js';
export { RelationalProjector, type RelationalProjectorOptions } from './relational/relational-projector.js';
export { Projections, type ProjectionsOptions } from './projections.js';
export { ProjectorModule } from './projector.module.js';
export { ProjectorThreadModule } from './thread/projector-thread.module.js';
export {
  memoryGraphSource,
  neo4jAccess,
  neo4jSource,
  storesFromEnvironment,
  storesOf,
  type GraphSource,
  type ProjectorStores,
  type StoreAccess,
} from './stores.js';
