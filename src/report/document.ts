import { createHash } from 'node:crypto'
import { markup, type Markup } from './html.ts'

/** A whole page of one file. Nothing is loaded and nothing runs: no source is allowed, and the one style sheet by its
 *  hash. */
export function htmlDocument(title: string, style: string, body: Markup): string {
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  const head = markup`<meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="referrer" content="no-referrer" />
    <title>${title}</title>`
  return `<!doctype html>\n<html lang="en">\n<head>${head.text}\n<style>${style}</style>\n</head>\n<body><main>${body.text}</main></body>\n</html>\n`
}
