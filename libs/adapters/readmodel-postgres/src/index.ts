export { openPool, READ_MODEL_SCHEMA, type ReadModelConnection } from './connection.js';
export { CheckpointConflictError, isHaltingWrite, ReadModelUnavailableError } from './errors.js';
export { ReadModelFold } from './fold/read-model-fold.js';
export { PostgresReadModel, type TaskPositions } from './query/postgres-read-model.js';
export { dropReadModel, migrateReadModel } from './schema/prepare.js';
export { hashTables, type TableHash, type TableHashes } from './verify/hash-tables.js';
export {
  PROJECTION,
  ReadModelWriter,
  type Advance,
  type ProjectedPosition,
} from './write/read-model-writer.js';
