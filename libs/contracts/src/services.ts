/** Every service, in the order in which it helps to start them. */
export const SERVICES = [
  'ratelimiter',
  'idgen',
  'submitter',
  'batcher',
  'queue-manager',
  'resource-manager',
  'monitor',
  'projector',
  'gateway',
] as const;
export type ServiceName = (typeof SERVICES)[number];
