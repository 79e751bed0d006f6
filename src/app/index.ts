export { createApp, type App, type AppDeps, type AppFacts } from './create-app.js';
