import type { Operation } from '@yardmaster/contracts';
import type { KeyRole } from '@yardmaster/domain';

const READS: readonly KeyRole[] = ['viewer', 'submitter', 'tenant-admin', 'operator'];
const WRITES: readonly KeyRole[] = ['submitter', 'tenant-admin', 'operator'];
const ADMINS: readonly KeyRole[] = ['tenant-admin', 'operator'];
const OPERATORS: readonly KeyRole[] = ['operator'];
const WORKERS: readonly KeyRole[] = ['submitter', 'tenant-admin', 'operator', 'agent'];
const OPEN = 'open';

/** Who may do what. What is missing here is denied. `open` needs no key. */
export const ROLE_MATRIX: Readonly<Record<Operation, readonly KeyRole[] | typeof OPEN>> = {
  submitTasks: WRITES,
  listTasks: READS,
  getTask: READS,
  cancelTask: WRITES,
  forceEndTask: ADMINS,
  whyTask: READS,
  taskEvents: READS,
  taskAttempts: READS,
  taskLogs: READS,
  taskResult: READS,
  taskUpstream: READS,
  taskDownstream: READS,
  submitWorkflow: WRITES,
  listWorkflows: READS,
  getWorkflow: READS,
  workflowGraph: READS,
  workflowTasks: READS,
  cancelWorkflow: WRITES,
  listWorkers: READS,
  workerSession: WORKERS,
  getWorker: READS,
  cordonWorker: OPERATORS,
  uncordonWorker: OPERATORS,
  drainWorker: OPERATORS,
  capacity: READS,
  listQueues: READS,
  getQueue: READS,
  putQueue: OPERATORS,
  pauseQueue: OPERATORS,
  resumeQueue: OPERATORS,
  events: READS,
  alerts: OPERATORS,
  deadLetters: OPERATORS,
  cluster: OPERATORS,
  maintenance: OPERATORS,
  raiseLevel: OPERATORS,
  verifyViews: OPERATORS,
  rebuildViews: OPERATORS,
  listTenants: OPERATORS,
  getTenant: ADMINS,
  putTenant: OPERATORS,
  createKey: ADMINS,
  putKey: ADMINS,
  revokeKey: OPERATORS,
  putSubscription: OPERATORS,
  putScript: WRITES,
  getBlob: WORKERS,
  putBlob: WORKERS,
  putLog: WORKERS,
  livez: OPEN,
  readyz: OPEN,
  metrics: OPERATORS,
  openapi: OPEN,
  docs: OPEN,
  statusPage: OPEN,
  pageAsset: OPEN,
};

export function mayCall(role: KeyRole, operation: Operation): boolean {
  const allowed = ROLE_MATRIX[operation];
  return allowed === OPEN || allowed.includes(role);
}
