import type { AgentChange, QueuesSnapshot, QueueStatistics, QueueTallyQuery } from '../model/index.js';

/** Room `queues`: `createQueues`. */
export interface ApiQueues {
  /** All queues and agents as they are now. */
  snapshot(): QueuesSnapshot;
  /** Rejects: REQUEST_INVALID. */
  statistics(query: QueueTallyQuery): Promise<QueueStatistics>;
  /** False where there is none that still waits. */
  cancelCallback(id: string): boolean;
  readonly agents: {
    /** All queues of the agent when none are named. */
    login(extension: string, queues?: readonly string[]): AgentChange;
    logout(extension: string, queues?: readonly string[]): AgentChange;
    pause(extension: string, reason: string): AgentChange;
    resume(extension: string): AgentChange;
  };
}
