/** Imports look down only: a room may import rooms of a lower level (docs/architecture.md). */
const levels = {
  errors: 0,
  text: 1,
  statistics: 1,
  record: 2,
  nn: 3,
  store: 3,
  model: 4,
  verify: 4,
  corpus: 5,
  pipeline: 5,
  stages: 6,
  train: 6,
  report: 6,
  cli: 7,
}
const rooms = Object.keys(levels).filter((room) => room !== 'errors')

/** The type-only looks sideways or up that the design has, each with its reason. */
const allowed = {
  nn: ['store', 'model/model.ts'], // model folders are written through store; Tokenizer is declared beside Model
  store: [],
  verify: ['model/model.ts'], // a judge is asked through the type Model; who opens it hands it in
  model: [],
}

const upwards = rooms.map((room) => {
  const forbidden = rooms.filter((other) => other !== room && levels[other] >= levels[room])
  const exceptions = (allowed[room] ?? []).map((path) => `^src/${path}`)
  return {
    name: `${room}-looks-down-only`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: `^src/(${forbidden.join('|')})/`, ...(exceptions.length > 0 && { pathNot: exceptions }) },
  }
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'front-door-last',
      severity: 'error',
      from: { path: '^src/(?!index)' },
      to: { path: '^src/index' },
    },
    {
      name: 'no-tests-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|pipelines)/' },
    },
    ...upwards,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
}
