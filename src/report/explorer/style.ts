import { style as reportStyle } from '../style.ts'

/** The style sheet of the report, and what the explorer has besides. */
export const style = `${reportStyle}
[hidden] { display: none !important }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
a { color: var(--accent) }
h1 small { font-weight: 400; font-size: 14px; color: var(--soft) }
h1:focus { outline: none }
h4 { font-size: 13px; margin: 0 0 4px; font-weight: 600 }
button, input, select { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 8px; padding: 6px 10px; min-width: 0 }
button { cursor: pointer }
nav { display: flex; gap: 16px; justify-content: space-between; margin-bottom: 16px; flex-wrap: wrap }
.filters { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; align-items: end; margin-top: 20px }
.filters label { display: grid; gap: 4px; font-size: 12.5px; color: var(--soft) }
.filters input, .filters select { color: var(--ink); width: 100%; font-size: 14px }
.filters .wide { grid-column: span 2 }
.filters .span { display: flex; gap: 6px; align-items: center }
.filters .ticks { display: flex; gap: 4px 14px; flex-wrap: wrap; padding-bottom: 6px }
.filters .tick { display: flex; align-items: center; gap: 6px; white-space: nowrap }
.filters .tick input { width: auto }
.list { height: min(70vh, 640px); overflow-y: auto; padding: 0; position: relative; contain: strict }
.rows { position: relative }
.item { position: absolute; left: 0; right: 0; top: 0; height: 64px }
.row { display: grid; grid-template-columns: 58px minmax(0, 1fr) 160px; gap: 12px; align-items: center; height: 64px; padding: 0 16px; border-bottom: 1px solid var(--line); color: inherit; text-decoration: none }
.row:hover { background: var(--page) }
.row:focus-visible { outline-offset: -2px }
.row .line { display: block; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; unicode-bidi: isolate }
.row .change { text-align: center; border-radius: 6px; padding: 3px 0; font-variant-numeric: tabular-nums; font-weight: 600; font-size: 14px }
.row .none { color: var(--soft) }
.barcode { width: 160px; height: 32px }
.rise { fill: rgb(var(--up)) } .fall { fill: rgb(var(--down)) }
.strip, .chart { position: relative }
.strip .trace > span { cursor: pointer; padding: 3px 0 }
.strip .trace > .pivot { padding: 3px 2px }
.pruned { color: var(--soft) }
.rising { box-shadow: inset 0 -2px rgba(var(--up), .4) } .falling { box-shadow: inset 0 -2px rgba(var(--down), .4) }
.strip .trace > .chosen { outline: 2px solid var(--ink); outline-offset: 0 }
.strip > .tip, .chart > .tip { display: block; max-width: min(340px, 100%); pointer-events: none; z-index: 2 }
.values { width: 100%; min-width: 640px; cursor: crosshair }
.values .whisker { stroke-width: 2; opacity: .3 }
.values .closed { fill: var(--line); opacity: .45 }
.values .mean { stroke-width: 1.5; opacity: .7 }
.values .passed { fill: var(--accent); opacity: .5 }
.values .launched { fill: var(--accent); fill-opacity: .7; stroke: var(--card); stroke-width: 1 }
.values .few { opacity: .18 }
.values.dense .whisker { stroke-width: .5 } .values.dense .launched { stroke: none; fill-opacity: .35 } .values.dense .closed { opacity: .25 }
.values .jump { stroke-width: 5; stroke-linecap: round }
.values .jump.rise, .values .stem.rise { stroke: rgb(var(--up)) } .values .jump.fall, .values .stem.fall { stroke: rgb(var(--down)) }
.values .doubtful { stroke-dasharray: 2 7; opacity: .7 }
.values .trunk { stroke: var(--soft); stroke-width: 3 }
.values .stem { fill: none; opacity: .75; stroke-linecap: round }
.values .cursor { stroke: var(--ink); stroke-dasharray: 3 3 }
.context, .continuations .text, td.text { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 13px; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate }
.context { color: var(--soft); margin: 0 0 10px }
.context mark { background: none; color: var(--ink); font-weight: 700; text-decoration: underline; text-underline-offset: 3px }
.node h3 small { display: block; margin: 2px 0 0 }
.way { display: grid; grid-template-columns: minmax(90px, auto) 120px minmax(0, 1fr); gap: 12px; align-items: center; padding: 3px 0 }
section > .way { grid-template-columns: 120px minmax(0, 1fr) }
details.way { display: block } details.way > summary { display: grid; grid-template-columns: minmax(90px, auto) 120px minmax(0, 1fr); gap: 12px; align-items: center; cursor: pointer }
details.way > summary code::before { content: "▸ "; color: var(--soft) } details.way[open] > summary code::before { content: "▾ " }
.ways code { justify-self: start; background: var(--page) }
.bar { width: 120px; height: 14px }
.bar .whisker { stroke-width: 3 }
summary { cursor: pointer }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 16px }
.sides section { border-left: 3px solid rgb(var(--up)); padding-left: 12px; min-width: 0 }
.sides .worse { border-color: rgb(var(--down)) }
.continuations { list-style: none; padding: 0; margin: 6px 0 0 }
.continuations li { padding: 6px 0; border-top: 1px solid var(--line); font-size: 13px }
.verdict { display: block; font-size: 12px; font-weight: 600 }
.right { color: rgb(var(--up)) } .wrong { color: rgb(var(--down)) }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 6px 16px; margin: 12px 0 0; font-size: 13px }
.facts div { min-width: 0 } .facts dt { color: var(--soft); font-size: 12px } .facts dd { margin: 0; overflow-wrap: anywhere }
.card > .facts { margin: 0 }
.place { padding: 1px 8px; font-size: 12.5px; font-weight: 400 }
@media (max-width: 560px) {
  .plot { font-size: 20px }
  main { padding: 16px 12px 48px }
  .tile b { font-size: 20px } .tiles { grid-template-columns: 1fr 1fr; gap: 8px } .tile { padding: 10px 12px }
  .filters { grid-template-columns: 1fr 1fr } .row { grid-template-columns: 52px minmax(0, 1fr); padding: 0 10px } .barcode { display: none }
  .way, details.way > summary { grid-template-columns: minmax(60px, 1fr) 120px } .way > span:last-child, details.way > summary > span:last-child { grid-column: 1 / -1 }
  section > .way { grid-template-columns: 1fr }
}
`
