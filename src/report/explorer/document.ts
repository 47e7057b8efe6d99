import { createHash } from 'node:crypto'
import { markup } from '../html.ts'
import type { ExplorerData } from './read.ts'
import { pageScript } from './script.ts'
import { style } from './style.ts'

/** The whole page of one file. No source is allowed: the one script and the one style sheet run by their hashes, and text can
 *  never become markup. Each trace is a block of its own that the browser does not read before it is opened. */
export async function explorerDocument({ index, details }: ExplorerData): Promise<string> {
  const script = await pageScript()
  const policy = [
    `default-src 'none'`,
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `require-trusted-types-for 'script'`,
  ].join('; ')
  const head = markup`<meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="referrer" content="no-referrer" />
    <title>${index.name}</title>`
  const blocks = [dataBlock('index', index), ...details.map((detail, i) => dataBlock(`trace-${i}`, detail))]
  return `<!doctype html>
<html lang="en">
<head>${head.text}
<style>${style}</style>
</head>
<body><main><noscript>This page draws its data with the script inside it; nothing is loaded.</noscript></main>
${blocks.join('\n')}
<script>${script}</script>
</body>
</html>
`
}

const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`

/** JSON of a type that no browser runs, in which nothing can end the element. Signs that turn the direction of writing around and
 *  control characters become U+FFFD, as in every report. */
function dataBlock(id: string, value: unknown): string {
  const json = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'string' ? plain(inner) : inner,
  )
  return `<script type="application/json" id="${id}">${json.replaceAll('<', '\\u003c')}</script>`
}

const plain = (text: string): string =>
  text
    .replace(/\p{Surrogate}/gu, '\uFFFD')
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '\uFFFD')
