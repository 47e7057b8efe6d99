/** The front door: what a pipeline file and a program need. */
export { type ErrorCode, FulcrumError } from './errors.ts'
export { type Column, type Columns, type ColumnType, col, type Row } from './record/columns.ts'
export type { Shape } from './record/shape.ts'
export { sftText } from './record/sft-text.ts'
export { dpoBranchText } from './record/dpo-branch-text.ts'
export { dpoPivotal } from './record/dpo-pivotal.ts'
export { pivotalTokens } from './record/pivotal-tokens.ts'
export { prm } from './record/prm.ts'
export { rollouts } from './record/rollouts.ts'
export { searchTraces } from './record/search-trace.ts'

export { type Dropped, expand, filter, map, type Outcome } from './pipeline/constructors.ts'
export { definePipeline, type PipelineDefinition } from './pipeline/define.ts'
export { loadPipeline } from './pipeline/load.ts'
export { Pipeline } from './pipeline/pipeline.ts'
export { closeModels, type Plan, type PlanOptions, planPipeline } from './pipeline/plan.ts'
export { runPipeline, type RunOptions, type RunResult } from './pipeline/run.ts'
export { problems, records, type Source, type SourceOptions } from './pipeline/source.ts'
export type { Run, Stage } from './pipeline/stage.ts'

export { deduplicate, type DeduplicateOptions } from './stages/deduplicate/deduplicate.ts'
export { audit, type AuditOptions, judgeAgain } from './stages/decontaminate/audit/audit.ts'
export { decontaminate } from './stages/decontaminate/decontaminate.ts'
export { generateTraces, type Sampler } from './stages/generate-traces.ts'
export { eachPivotalToken } from './stages/pivotal/each-pivotal-token.ts'
export { findPivotalTokens, type FindPivotalTokensOptions } from './stages/pivotal/find-pivotal-tokens.ts'
export { teachable } from './stages/teachable.ts'
export { verifyTraces } from './stages/verify-traces.ts'

export type {
  Capabilities,
  Completion,
  Message,
  Model,
  Prompt,
  SampleOptions,
  ScoreOptions,
  Tokenizer,
  TokenScore,
  Usage,
} from './model/model.ts'
export { type Account, type AccountOptions, openAccount } from './model/account/account.ts'
export { type Price, readPrices } from './model/account/prices.ts'
export { ledger, type LedgerOptions } from './model/ledger/ledger.ts'
export type { Limits } from './model/limits/limiter.ts'
export { type EndpointReport, httpModel, tryEndpoint } from './model/http.ts'
export { llamaModel } from './model/llama.ts'
export { localModel } from './model/local.ts'
export { openModel, type OpenModelOptions } from './model/open.ts'
export { scriptedModel } from './model/scripted.ts'
export { choiceAnswer } from './verify/choice.ts'
export { mathAnswer } from './verify/math/math-answer.ts'
export { openVerifier, type VerifierOptions } from './verify/open.ts'
export { inWorkers, type WorkerOptions, type WorkerRule } from './verify/workers.ts'
export { exactAnswer, numericAnswer, type Verification, type Verifier } from './verify/verifier.ts'

export { writeAuditReport } from './report/audit/audit.ts'

export { openExamples, openPairs } from './train/data.ts'
export { trainDpo } from './train/dpo.ts'
export { evaluate, type Evaluation } from './train/evaluate.ts'
export { trainGrpo } from './train/grpo.ts'
export { type Reward, rewardOf } from './train/reward.ts'
export { inMemory, type Items } from './train/items.ts'
export { trainSft } from './train/sft.ts'

export { type Estimate, type Interval, share, wilson } from './statistics/estimate.ts'
export { type Random, rngFor, seedFor } from './statistics/random.ts'
export { readArrow, readTable, writeArrow } from './store/arrow.ts'
export type { BenchmarkChoice, BenchmarkFile } from './store/benchmarks/benchmarks.ts'
export { type BenchmarkItemText, benchmarkTexts } from './store/benchmarks/texts.ts'
export { locate } from './store/bundled.ts'
export { type Manifest, readManifest } from './store/manifest.ts'
export { parquetInfo, readParquet } from './store/parquet-reader.ts'
export { readRecords, type SourceRecord } from './store/records.ts'
export { verifyManifest } from './store/verify.ts'
