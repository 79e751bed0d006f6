export { openStore } from './store.js';
export type { RecordRepository, Store, StoreDeps, StoreOptions } from './store.js';
export type { StoreAlarm, WriteStats } from './group-commit.js';
export type { RecordDetail, RecordPage, RecordQuery } from './record-query.js';
export type { BanRecord, BanRepository } from './bans.js';
export type { BindingKey, RegistrationRepository } from './registrations.js';
export type { NewRevision, Revision, RevisionRepository, RevisionSummary } from './revisions.js';
export type { StateRepository } from './state.js';
