import tseslint from 'typescript-eslint'

/** Globals a room may not touch, with the room that may (docs/architecture.md). */
const globals = (names, where) => names.map((name) => ({ name, message: `Only ${where} may use ${name}.` }))
const properties = [
  { object: 'Math', property: 'random', message: 'Draw from rngFor(seed, stage, row) instead.' },
  { object: 'Date', property: 'now', message: 'Only cli/ reads the clock; pass the time in.' },
]
const process = globals(['process', 'console'], 'cli/')
const network = globals(['fetch'], 'model/ and store/')

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      'runs/',
      '**/*.wasm.ts',
      'src/nn/wasm/assembly/',
      'src/text/kernels/assembly/',
      'src/corpus/assembly/',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['src/**'],
    ignores: ['src/cli/**'],
    rules: {
      'no-restricted-globals': ['error', ...process, ...network],
      'no-restricted-properties': ['error', ...properties],
    },
  },
  {
    files: ['src/model/**', 'src/store/**'],
    rules: { 'no-restricted-globals': ['error', ...process] },
  },
  {
    files: ['test/**', 'pipelines/**', 'datasets/**', 'docs/**'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'describe', 'it'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  { files: ['**/*.js', '**/*.cjs'], ...tseslint.configs.disableTypeChecked },
)
