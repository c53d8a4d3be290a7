export { MemoryEventLog } from './memory-event-log.js';
export {
  MemoryLogWorld,
  type HoldPoint,
  type MemoryLogOptions,
  type PublishFault,
  type PublishedMessage,
} from './memory-log-world.js';
export { MemorySeats } from './memory-seats.js';
