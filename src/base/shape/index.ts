export * from './scalars.js';
export * from './shape.js';
export * from './structures.js';
