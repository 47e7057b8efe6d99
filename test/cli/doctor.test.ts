import assert from 'node:assert/strict'
import test from 'node:test'
import { reasonOf } from '../../src/nn/backend.ts'
import { fulcrum } from '../e2e/command.ts'

test('a missing package is named without a path of this machine; other reasons are told in their own words', async () => {
  const name = '@tensorflow/tfjs-not-there'
  const error: unknown = await import(name).catch((error: unknown) => error)
  assert.match((error as Error).message, /imported from/)
  assert.equal(reasonOf(error), `the package ${name} is not installed`)
  assert.equal(
    reasonOf(new Error('libcudart.so.11.0: cannot open\nRequire stack:\n- /a')),
    'libcudart.so.11.0: cannot open',
  )
})

test('doctor prints the reason of a backend that cannot be used and how to get it', async () => {
  const { stdout } = await fulcrum(['doctor', '--backend', 'webgpu'])
  assert.match(stdout, /webgpu +- +(the package webgpu is not installed|no GPU answers|its only adapter)/)
  assert.match(stdout, /To get webgpu: npm install webgpu/)
})
