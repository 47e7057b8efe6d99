import { style } from '../style.ts'

/** The style sheet of all reports, and what only an audit has. */
export const auditStyle = `${style}
:root { --bad: 190, 40, 60; --warn: 190, 125, 10; --good: 20, 130, 80; --allowed: 120, 120, 130 }
@media (prefers-color-scheme: dark) { :root { --bad: 255, 110, 125; --warn: 240, 180, 70; --good: 80, 205, 140; --allowed: 150, 155, 165 } }
.verdict { border-left: 8px solid rgb(var(--tone)); padding: 18px 22px; background: rgba(var(--tone), .08) }
.verdict h2 { margin: 0 0 4px; font-size: 22px; color: rgb(var(--tone)) }
.verdict p { margin: 4px 0 }
.contaminated { --tone: var(--bad) } .partial { --tone: var(--warn) } .clean { --tone: var(--good) }
.badge { display: inline-block; padding: 0 8px; border-radius: 999px; font-size: 12.5px; font-weight: 600; color: rgb(var(--tone)); background: rgba(var(--tone), .13) }
main { max-width: 1240px }
.rate { display: block; width: 110px; height: 14px; margin-top: 4px }
.amount, .amount small { white-space: nowrap }
.name { overflow-wrap: anywhere; min-width: 110px }
.rate .track { fill: var(--line) } .rate .bar { fill: rgb(var(--tone)) } .rate .range { stroke: var(--ink); stroke-width: 1.5 }
th.mid, td.mid { vertical-align: top }
td small { display: block }
.warning { border-left: 4px solid rgb(var(--warn)); background: rgba(var(--warn), .08); overflow-wrap: anywhere }
.match h3 { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: baseline; overflow-wrap: anywhere }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 12px }
.side h4 { margin: 0 0 4px; font-size: 12.5px; color: var(--soft); font-weight: 600; overflow-wrap: anywhere }
.side pre { margin: 0; padding: 10px 12px; border-radius: 8px; background: var(--page); border: 1px solid var(--line); font: 13px/1.6 ui-monospace, "SF Mono", Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; max-height: 480px; overflow-y: auto }
mark { color: inherit; border-radius: 3px; padding: 1px 0; unicode-bidi: isolate }
mark.run13 { background: rgba(var(--bad), .2); box-shadow: inset 0 -2px rgb(var(--bad)) }
mark.run7 { background: rgba(var(--warn), .2); box-shadow: inset 0 -2px rgb(var(--warn)) }
mark.answer { background: rgba(var(--up), .22); box-shadow: inset 0 -2px rgb(var(--up)) }
mark.allowed { background: rgba(var(--allowed), .2); box-shadow: inset 0 -2px rgb(var(--allowed)); text-decoration: line-through; text-decoration-color: rgba(var(--allowed), .8) }
.gap { display: inline-block; margin: 0 4px; padding: 0 8px; border-radius: 999px; border: 1px dashed var(--soft); color: var(--soft); font-size: 12px }
.ngram { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 13px; overflow-wrap: anywhere }
.settings td:first-child { color: var(--soft); width: 200px }
.path { overflow-wrap: break-word; min-width: 90px }
`
