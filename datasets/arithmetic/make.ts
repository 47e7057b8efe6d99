/** Writes the generated files of datasets/arithmetic again: `npx tsx datasets/arithmetic/make.ts`. */
import { join } from 'node:path'
import { writeWhole } from '../../src/store/files.ts'
import { arithmeticFiles } from './files.ts'

for (const [name, text] of arithmeticFiles()) await writeWhole(join(import.meta.dirname, name), text)
