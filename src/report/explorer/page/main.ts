import type { ExplorerIndex, TraceDetail } from '../embedded.ts'
import { dataOf, isTyping } from './elements.ts'
import { whole } from './figures.ts'
import { overview } from './overview.ts'
import { traceView } from './trace-view.ts'

const index = dataOf('index') as ExplorerIndex
const main = document.querySelector('main') as HTMLElement
const front = overview(index)
let scrolled = 0

/** Shows what the address asks for: #trace/3, or the overview. */
function show(): void {
  const number = opened()
  const line = number === null ? undefined : index.traces[number]
  if (number === null || line === undefined) {
    main.replaceChildren(front.element)
    scrollTo(0, scrolled)
    return
  }
  if (front.element.isConnected) scrolled = scrollY
  const place = front.listed().indexOf(number)
  const standing =
    place < 0 ? '' : `${whole(place + 1)} of ${whole(front.listed().length)} · j next · k previous`
  const view = traceView(line, dataOf(`trace-${number}`) as TraceDetail, standing)
  main.replaceChildren(view)
  scrollTo(0, 0)
  view.querySelector('h1')?.focus({ preventScroll: true })
}

function opened(): number | null {
  const found = /^#trace\/(\d+)$/.exec(location.hash)
  return found === null ? null : Number(found[1])
}

addEventListener('hashchange', show)
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === 'Escape' && opened() !== null) location.hash = ''
  if (isTyping(event)) return
  if (event.key === '/' && opened() === null) {
    event.preventDefault()
    document.getElementById('search')?.focus()
  }
  const step = { j: 1, k: -1 }[event.key]
  if (step === undefined) return
  const listed = front.listed()
  const now = opened()
  const next = now === null ? listed[0] : listed[listed.indexOf(now) + step]
  if (next !== undefined) location.hash = `#trace/${next}`
})
show()
document.documentElement.dataset.readyMs = performance.now().toFixed(0)
