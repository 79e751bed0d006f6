export { createDidIndex, type DidIndex, type DidMatch } from './did-index.js';
export { findCountry, knownCountries } from './countries.js';
export { formatNumber, normalizeNumber, numberFromUri } from './normalize.js';
export { comparePatterns, matchesPattern, parsePattern, showPattern, type NumberPattern } from './pattern.js';
