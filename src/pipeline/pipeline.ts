import { FulcrumError } from '../errors.ts'
import { type Column, type Columns, typeName } from '../record/columns.ts'
import type { Shape } from '../record/shape.ts'
import { withCarried } from './carry.ts'
import type { Source } from './source.ts'
import type { Stage } from './stage.ts'

type ValueOf<C> = C extends Column<infer T> ? T : never

/** Names of the needed columns that are not there, or are there with another type. */
type Missing<Have extends Columns, Needs extends Columns> = {
  [K in keyof Needs]: K extends keyof Have ? (ValueOf<Have[K]> extends ValueOf<Needs[K]> ? never : K) : K
}[keyof Needs]

/** Nothing when every needed column is there, else a property whose name and type a compile error shows. */
type Accepts<Have extends Columns, Needs extends Columns> = string extends keyof Have | keyof Needs
  ? unknown
  : [Missing<Have, Needs>] extends [never]
    ? unknown
    : { readonly 'needs a column that no stage before it adds': Missing<Have, Needs> }

/** Nothing when no added column is there already. */
type Extends<Have extends Columns, Adds extends Columns> = string extends keyof Have | keyof Adds
  ? unknown
  : [keyof Have & keyof Adds] extends [never]
    ? unknown
    : { readonly 'adds a column that is already there': keyof Have & keyof Adds }

export type Step =
  | { readonly kind: 'stage'; readonly stage: Stage<Columns, Columns> }
  | { readonly kind: 'shape'; readonly shape: Shape<Columns, Columns> }

/** Stages in order over a source. Immutable; `through` and `into` give a new pipeline. */
export class Pipeline<Have extends Columns> {
  readonly source: Source<Columns>
  readonly steps: readonly Step[]
  /** Columns a row has at this point. */
  readonly columns: Have

  private constructor(source: Source<Columns>, steps: readonly Step[], columns: Have) {
    this.source = source
    this.steps = steps
    this.columns = columns
  }

  static from<C extends Columns>(source: Source<C>): Pipeline<C> {
    return new Pipeline(source, [], source.columns)
  }

  /** Appends a stage whose needed columns are there and whose added columns are not. */
  through<Needs extends Columns, Adds extends Columns>(
    stage: Stage<Needs, Adds> & Accepts<Have, Needs> & Extends<Have, Adds>,
  ): Pipeline<Have & Adds> {
    this.#checkName('stage', stage.name)
    this.#check(`stage ${stage.name}`, stage.needs)
    const again = Object.keys(stage.adds).filter((name) => name in this.columns)
    if (again.length > 0) {
      throw new FulcrumError(
        'plan',
        `Stage ${stage.name} adds ${again.join(', ')}, which is already there`,
        'A stage never changes a column: leave the stage out, or give its column another name.',
      )
    }
    const step: Step = { kind: 'stage', stage: stage as unknown as Stage<Columns, Columns> }
    return new Pipeline(this.source, [...this.steps, step], { ...this.columns, ...stage.adds })
  }

  /** Writes the rows at this point into a dataset config; the stream goes on. */
  into<Needs extends Columns, Out extends Columns>(
    shape: Shape<Needs, Out> & Accepts<Have, Needs>,
  ): Pipeline<Have> {
    this.#checkName('dataset config', shape.config)
    const wanted = Object.entries(shape.wants ?? {}).filter(([name]) => name in this.columns)
    this.#check(`dataset config ${shape.config}`, { ...shape.needs, ...Object.fromEntries(wanted) })
    const whole = withCarried(shape, this.columns)
    const step: Step = { kind: 'shape', shape: whole }
    return new Pipeline(this.source, [...this.steps, step], this.columns)
  }

  /** Names become folders, keys of random draws and values of --until: each must be plain and used once. */
  #checkName(kind: 'stage' | 'dataset config', name: string): void {
    const taken = this.steps.map((step) =>
      step.kind === 'stage' ? `stage ${step.stage.name}` : `dataset config ${step.shape.config}`,
    )
    if (/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) && !taken.includes(`${kind} ${name}`)) return
    const why = taken.includes(`${kind} ${name}`) ? 'is there twice' : 'is no plain name'
    throw new FulcrumError(
      'plan',
      `The ${kind} ${name} ${why}`,
      'Give it a name of its own: letters, digits, - and _.',
    )
  }

  #check(who: string, needs: Columns): void {
    const wrong = Object.entries(needs).flatMap(([name, wanted]) => {
      const found = this.columns[name]
      if (found === undefined) return [`${name} (${typeName(wanted.type)}) is not there`]
      if (typeName(found.type) === typeName(wanted.type) && (wanted.nullable || !found.nullable)) return []
      return [`${name} is ${describe(found)}, not ${describe(wanted)}`]
    })
    if (wrong.length === 0) return
    throw new FulcrumError(
      'plan',
      `The ${who} cannot run: ${wrong.join('; ')}`,
      `Columns at this point: ${Object.keys(this.columns).join(', ')}. Put the stage that adds the missing ones before it.`,
    )
  }
}

const describe = ({ type, nullable }: Column): string => `${typeName(type)}${nullable ? ' or null' : ''}`
