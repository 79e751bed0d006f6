export { createQueues } from './create-queues.js';
export type * from './ports.js';
export type * from './queues.js';
export type { CallbackOrder, QueueOptions, Strategy } from './settings.js';
