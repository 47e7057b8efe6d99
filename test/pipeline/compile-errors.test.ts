import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import ts from 'typescript'

const root = resolve(import.meta.dirname, '../..')

/** What the compiler says of a pipeline file with this text. */
function compileErrors(text: string): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object
  }
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root)
  const file = join(root, 'test/pipeline/written-by-a-user.ts')
  const host = ts.createCompilerHost(options)
  const [read, exists] = [host.getSourceFile.bind(host), host.fileExists.bind(host)]
  host.getSourceFile = (name, version, ...rest) =>
    name === file ? ts.createSourceFile(name, text, version) : read(name, version, ...rest)
  host.fileExists = (name) => name === file || exists(name)
  const program = ts.createProgram([file], options, host)
  return program
    .getSemanticDiagnostics(program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

const before = `
import { filter, map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { records } from '../../src/pipeline/source.ts'
import { col } from '../../src/record/columns.ts'
const source = records('x.jsonl', { id: col.string('id'), problem: col.string('text') })
const judge = filter({ name: 'judge', needs: { completion: col.string('x') }, reject: () => null })
const again = map({ name: 'again', needs: {}, adds: { problem: col.int32('x') }, each: () => ({ problem: 1 }) })
const fine = filter({ name: 'fine', needs: { problem: col.string('x') }, reject: () => null })
`

test('the compiler names the column that is missing, or that is there already', () => {
  const said = compileErrors(`${before}
    Pipeline.from(source).through(judge)
    Pipeline.from(source).through(again)
    Pipeline.from(source).through(fine)
  `)
  assert.equal(said.length, 2, said.join('\n'))
  assert.match(said[0] ?? '', /'needs a column that no stage before it adds': "completion"/)
  assert.match(said[1] ?? '', /'adds a column that is already there': "problem"/)
})
