export { createApi, type Api, type ApiOptions } from './create-api.js';
export { hashApiKey } from './auth.js';
export type * from './ports.js';
