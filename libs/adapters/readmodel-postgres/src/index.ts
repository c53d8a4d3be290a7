export { openPool, READ_MODEL_SCHEMA, schemaOf, type ReadModelConnection } from './connection.js';
export { CheckpointConflictError, isHaltingWrite, ReadModelUnavailableError } from './errors.js';
export { ReadModelFold } from './fold/read-model-fold.js';
export { PostgresReadModel, type TaskPositions } from './query/postgres-read-model.js';
export { dropReadModel, migrateReadModel } from './schema/prepare.js';
export {
  hashTables,
  snapshotOf,
  type Snapshot,
  type TableHash,
  type TableHashes,
} from './verify/hash-tables.js';
export { PROJECTION, type ProjectedPosition } from './write/positions.js';
export { ReadModelWriter, type Advance } from './write/read-model-writer.js';
