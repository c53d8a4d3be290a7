export { NatsLogError } from './jetstream-errors.js';
export { connectNats, type NatsOptions } from './nats-connection.js';
export { NatsSeat } from './nats-seat.js';
export { NatsEventLog } from './nats-event-log.js';
export { openNatsEventLog, type NatsEventLogOptions } from './open-nats-event-log.js';
