import type { Terminal } from './command.ts'
import { duration } from './progress.ts'
import { brief, formatCount } from './table.ts'

/** Tells how far a scan is: a bar on a terminal, else a line every few seconds. */
export function bytesWatch(terminal: Terminal): {
  watch: (bytes: number, of: number) => void
  end: () => void
} {
  const start = terminal.now()
  const draw = drawer(terminal)
  return {
    watch: (bytes, of) => {
      const elapsed = terminal.now() - start
      const rate = bytes / Math.max(1, elapsed) / 1000
      const share = bytes / Math.max(1, of)
      const eta = bytes > 0 ? ` | ETA ${duration((elapsed / bytes) * Math.max(0, of - bytes))}` : ''
      draw.line(
        `[${'#'.repeat(Math.round(share * 20)).padEnd(20, '-')}] ${megabytes(bytes)} of ${megabytes(of)} | ${rate.toFixed(0)} MB/s${eta}`,
      )
    },
    end: draw.end,
  }
}

/** The same for work that knows only its rows. */
export function rowsWatch(terminal: Terminal): { watch: (rows: number) => void } {
  const draw = drawer(terminal)
  return { watch: (rows) => draw.line(`review: ${formatCount(rows)} rows`) }
}

const megabytes = (bytes: number): string => `${formatCount(Math.round(bytes / 1e6))} MB`

function drawer({ tell, live, width, now }: Terminal): { line: (text: string) => void; end: () => void } {
  let last = now()
  return {
    line: (text) => {
      const time = now()
      if (time - last < (live ? 200 : 5000)) return
      last = time
      tell(live ? `\r\x1b[2K${brief(text, width - 1)}` : `${text}\n`)
    },
    end: () => {
      if (live) tell('\r\x1b[2K')
    },
  }
}
