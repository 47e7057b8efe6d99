import { z } from 'zod'
import type { Account } from '../model/account/account.ts'
import type { Model } from '../model/model.ts'
import { openModel } from '../model/open.ts'
import { openVerifier, verifierNames, type VerifierOptions } from '../verify/open.ts'
import type { Verifier } from '../verify/verifier.ts'
import type { Terminal } from './command.ts'

/** How completions are judged; every command that judges has these. */
export const verifyingOptions = {
  verifier: z.enum(verifierNames).default('numeric').describe('how answers are compared'),
  judge: z
    .string()
    .optional()
    .describe('model that compares, for --verifier judge: http://host:port/v1#name or a model folder'),
  unsafeExec: z
    .boolean()
    .default(false)
    .describe('for --verifier code: run programs without a sandbox, as the user that you are'),
}

interface Verifying {
  readonly verifier: string
  readonly judge?: string | undefined
  readonly unsafeExec: boolean
}

/** The verifier that the options ask for; a judge is paid from the account. Closing it closes the judge. */
export async function openVerifierOf(
  { verifier: name, judge, unsafeExec }: Verifying,
  { tell }: Terminal,
  of: Pick<VerifierOptions, 'workers'> & { readonly account?: Account } = {},
): Promise<Verifier> {
  const model = judge === undefined ? null : await openJudgeModel(judge, of.account)
  const close = async (): Promise<void> => model?.close()
  try {
    const verifier = await openVerifier(name, {
      ...(of.workers !== undefined && { workers: of.workers }),
      ...(model !== null && { judge: model }),
      unsafeExec,
      onNote: (text) => {
        tell(`${text}\n`)
      },
    })
    return {
      id: verifier.id,
      verify: (completion, answer, problem) => verifier.verify(completion, answer, problem),
      close: async () => {
        await verifier.close?.()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openJudgeModel(spec: string, account: Account | undefined): Promise<Model> {
  const model = await openModel(spec, { apiKey: process.env.OPENAI_API_KEY })
  if (account !== undefined && model.paid !== undefined) {
    account.purse.requirePrices([model.paid.who])
    model.paid.join(account)
  }
  return model
}
