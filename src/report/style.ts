const light = `
  --ink: #1b1f27; --soft: #5c6675; --line: #dfe3ea; --page: #f6f7f9; --card: #ffffff; --accent: #3056b0;
  --up: 29, 95, 196; --down: 205, 84, 12;`
const dark = `
  --ink: #e7eaf0; --soft: #9aa5b5; --line: #2d3440; --page: #12151b; --card: #1a1f28; --accent: #8fb0ff;
  --up: 88, 150, 255; --down: 255, 138, 66;`

/** Background of a change, by direction (blue up, orange down: told apart by every kind of sight) and strength. */
const shades = ['up', 'down']
  .flatMap((way) =>
    [1, 2, 3, 4, 5].map(
      (strength) =>
        `.${way}${strength} { background: rgba(var(--${way}), ${(0.08 + strength * 0.1).toFixed(2)}); box-shadow: inset 0 -2px rgba(var(--${way}), .9) }`,
    ),
  )
  .join('\n')

/** The whole style sheet of a report; the reader's theme decides between light and dark. */
export const style = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
main { max-width: 1060px; margin: 0 auto; padding: 32px 20px 64px }
header p, small, figcaption, .soft { color: var(--soft) }
h1 { font-size: 28px; margin: 0 0 4px; letter-spacing: -.01em }
h2 { font-size: 19px; margin: 40px 0 6px }
h3 { font-size: 15px; margin: 0 0 8px }
h3 small { font-weight: 400; margin-left: 6px }
small { font-size: 12.5px }
code, .trace { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace }
code { padding: 1px 4px; border-radius: 4px; white-space: pre-wrap }
article, .card, .tile, figure { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; margin: 12px 0 }
.alarm { border-color: rgb(var(--down)) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 20px }
.tile { margin: 0 }
.tile b { display: block; font-size: 26px; line-height: 1.2; font-variant-numeric: tabular-nums; letter-spacing: -.02em }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 12px }
.pair figure { margin: 0 }
figcaption { font-size: 13px; margin-top: 4px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600; font-size: 12.5px; color: var(--soft) }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: middle }
tr:last-child td { border-bottom: 0 }
td.n, th.n { text-align: right; white-space: nowrap }
td.reasons { color: var(--soft); font-size: 13px }
.share { display: block; height: 8px; width: 160px }
.problem { margin: 0 0 10px; white-space: pre-wrap; unicode-bidi: isolate; overflow-wrap: anywhere }
.trace { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2.1; padding: 10px 14px; border-radius: 8px; background: var(--page); border: 1px solid var(--line) }
.trace > span, code { unicode-bidi: isolate }
.trace > span { border-radius: 4px; padding: 3px 0 }
.trace > .pivot { position: relative; padding: 3px 2px; cursor: help; font-weight: 600 }
.unsure { opacity: .65; font-style: italic }
.tip { display: none; position: absolute; left: 0; top: 100%; z-index: 1; width: max-content; max-width: 260px; padding: 6px 10px; border-radius: 8px; background: var(--ink); color: var(--card); font: 13px/1.5 system-ui, sans-serif; white-space: normal }
.pivot:hover > .tip, .pivot:focus > .tip { display: block }
.pivots { margin-top: 10px; font-size: 14px }
.pivots small { white-space: nowrap }
.legend { margin: 4px 0; display: flex; flex-wrap: wrap; gap: 4px 6px; align-items: center; font-size: 13px; color: var(--soft) }
.legend code { color: var(--ink) }
svg { display: block; font: 11px system-ui, sans-serif; fill: var(--soft) }
.plot { width: 100%; height: auto }
.arrow { width: 200px; height: 26px }
svg line { stroke-width: 1 }
svg .axis { stroke: var(--soft) } svg .tick { stroke: var(--line) }
svg .whisker { stroke: var(--soft); stroke-width: 2; opacity: .7 }
svg .value { fill: var(--ink); font-weight: 600 }
svg .from { fill: var(--card); stroke: var(--ink); stroke-width: 1.5 }
svg .way { stroke-width: 3 }
.plain .to { fill: var(--soft) }
.up .to { fill: rgb(var(--up)) } .up .way, .up .whisker { stroke: rgb(var(--up)) }
.down .to { fill: rgb(var(--down)) } .down .way, .down .whisker { stroke: rgb(var(--down)) }
.arrow .whisker { stroke: var(--soft) }
.plot .whisker { stroke-width: 4; opacity: .45 }
.inside { fill: var(--accent) } .outside { fill: var(--soft); opacity: .45 }
polyline { fill: none; stroke: var(--accent) } .each { opacity: .3 } .mean { stroke-width: 2 }
${shades}
`
