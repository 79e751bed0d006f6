// The table of rooms in docs/architecture.md, as rules. Changing a row takes a decision record in docs/decisions/.
const rooms = {
  base: [],
  model: ['base'],
  config: ['base', 'model'],
  sip: ['base'],
  'sip-server': ['base', 'sip'],
  signalling: ['base', 'model', 'sip'],
  numbers: ['base', 'model', 'sip'],
  dialplan: ['base', 'model', 'numbers'],
  border: ['base', 'model', 'sip'],
  registrar: ['base', 'model', 'sip'],
  trunks: ['base', 'model', 'sip', 'numbers'],
  routing: ['base', 'model', 'sip', 'numbers', 'dialplan', 'border', 'trunks'],
  media: ['base', 'model', 'sip'],
  ivr: ['base', 'model', 'media'],
  queues: ['base', 'model', 'media'],
  calls: [
    'base',
    'model',
    'sip',
    'numbers',
    'dialplan',
    'border',
    'trunks',
    'routing',
    'signalling',
    'registrar',
    'media',
    'ivr',
    'queues',
  ],
  store: ['base', 'model'],
  api: ['base', 'model', 'config', 'dialplan'],
  cli: ['base', 'model', 'config', 'numbers', 'dialplan', 'routing'],
};

const all = Object.keys(rooms);
const forbidden = all.flatMap((room) => {
  const others = all.filter((other) => other !== room && !rooms[room].includes(other));
  const doors = rooms[room].filter((other) => other !== 'base');
  const rules = [
    {
      name: `${room}-imports-only-its-row`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: `^src/(${others.join('|')})/|^src/app/|^src/main\\.ts$` },
    },
  ];
  if (doors.length > 0) {
    rules.push({
      name: `${room}-uses-the-front-door`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: `^src/(${doors.join('|')})/`, pathNot: `^src/(${doors.join('|')})/index\\.ts$` },
    });
  }
  return rules;
});

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'only-signalling-knows-drachtio-srf',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/signalling/' },
      to: { path: 'drachtio-srf' },
    },
    {
      name: 'only-store-knows-sqlite',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'better-sqlite3' },
    },
    {
      name: 'wiring-uses-front-doors',
      severity: 'error',
      from: { path: '^src/app/|^src/main\\.ts$' },
      to: { path: '^src/[^/]+/', pathNot: '^src/[^/]+/index\\.ts$|^src/(base|app)/' },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$' }, to: {} },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
