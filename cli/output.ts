/** Text for terminals: cells that align, colours that can be off, nothing that a terminal would obey. */

export type Stream = Readonly<{
  isTTY?: boolean | undefined
  columns?: number | undefined
  write(text: string, done?: (error?: Error | null) => void): boolean
}>

export type ColorWish = 'auto' | 'always' | 'never'

export type OutputOptions = Readonly<{
  stdout: Stream
  stderr: Stream
  env: Readonly<Record<string, string | undefined>>
  color: ColorWish
  json: boolean
  quiet: boolean
  now: () => number
}>

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

/** Where a command writes. Data goes to `line` and `json`, everything else to `note`. */
export type Output = Readonly<{
  isJson: boolean
  /** Width to which lines are cut; null when nothing is cut, because it is no terminal. */
  width: number | null
  now: () => number
  paint: Paint
  /** A line of data. */
  line(text?: string): void
  /** The data of the command as JSON, one document. */
  json(value: unknown): void
  /** Bytes of data as they are; resolves when there is room for more. */
  raw(text: string): Promise<void>
  table(table: Table): void
  /** For the eyes only: progress, counts, hints. On stderr; not with --quiet or --json. */
  note(text: string): void
  /** On stderr, always. */
  error(text: string): void
  paintError: Paint
  /** Resolves when everything has been handed to the system. */
  flushed(): Promise<void>
}>

export type Align = 'left' | 'right'

export type Column = Readonly<{
  title: string
  align?: Align
  style?: Style
  /** At least so wide, to align with another table. */
  least?: number
  /** Takes what is left of the line, and is cut; without one the last column does. */
  flexible?: true
  /**
   * Goes to a line below its row when the flexible column would get too little room beside it; `named` with
   * its title in front, for what says nothing without.
   */
  below?: 'plain' | 'named'
}>

/** Text, or text with a style of its own. */
export type Cell = string | Readonly<{ text: string; style: Style }>

export type Table = Readonly<{
  columns: readonly Column[]
  rows: readonly (readonly Cell[])[]
  /** Titles are shown only when asked for: a list explains itself, a report may not. */
  titles?: boolean
  indent?: number
}>

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, env } = options
  const waiting = new Set<Promise<void>>()
  const write = (stream: Stream, text: string): Promise<void> => {
    const written = new Promise<void>((resolve) => stream.write(text, () => resolve()))
    waiting.add(written)
    void written.then(() => waiting.delete(written))
    return written
  }
  const width = stdout.isTTY ? Math.max(40, stdout.columns ?? 80) : null
  const paint = painter(wantsColor(options.color, env, stdout))
  const line = (text = '') => void write(stdout, `${text}\n`)
  return {
    isJson: options.json,
    width,
    now: options.now,
    paint,
    paintError: painter(wantsColor(options.color, env, stderr)),
    line,
    json: (value) => line(JSON.stringify(value, null, stdout.isTTY ? 2 : undefined)),
    raw: (text) => write(stdout, text),
    table(table) {
      for (const row of formatTable(table, width, paint)) line(row)
    },
    note(text) {
      if (!options.quiet && !options.json) void write(stderr, `${text}\n`)
    },
    error: (text) => void write(stderr, `${text}\n`),
    async flushed() {
      while (waiting.size > 0) await Promise.all(waiting)
    },
  }
}

/** https://no-color.org and https://force-color.org; an answer of the command line wins over both. */
export function wantsColor(
  wish: ColorWish,
  env: Readonly<Record<string, string | undefined>>,
  stream: Pick<Stream, 'isTTY'>,
): boolean {
  if (wish !== 'auto') return wish === 'always'
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  return stream.isTTY === true && env.TERM !== 'dumb'
}

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

function painter(on: boolean): Paint {
  if (!on) return (_style, text) => text
  return (style, text) =>
    text === '' ? '' : `\x1b[${CODES[style][0]}m${text}\x1b[${CODES[style][1]}m`
}

const GAP = 2
/** A flexible column never becomes narrower: then the line is longer than the terminal instead. */
const MIN_FLEXIBLE = 16

/** What people came for: with less room than this for it, the rest goes below. */
const ROOM_FOR_TEXT = 48
/** Into a file or a pipe no text is cut; the longest one does not push away what follows the others. */
const PADDED_IN_PIPES = 60

/** Lines of aligned cells. Cells become one line; with a width, the flexible column is cut to fit. */
export function formatTable(table: Table, width: number | null, paint: Paint): string[] {
  if (width === null || !isCramped(table, width)) return formatRows(table, width, paint)
  const isKept = table.columns.map(({ below }) => below === undefined)
  const columns = table.columns.filter((_, i) => isKept[i])
  const kept = { ...table, columns, rows: table.rows.map((row) => row.filter((_, i) => isKept[i])) }
  const lines = formatRows(kept, width, paint)
  const widths = widthsOf(kept)
  const before = widths.slice(0, stretching(columns)).filter((w) => w > 0)
  const lead = (table.indent ?? 0) + before.reduce((sum, w) => sum + w + GAP, 0)
  const room = Math.max(MIN_FLEXIBLE, width - lead)
  return lines.flatMap((line, at) => {
    const row = table.rows[table.titles ? at - 1 : at]
    const rest = row ? table.columns.flatMap((column, i) => belowOf(column, row[i] ?? '')) : []
    if (rest.length === 0) return [line]
    const below = wrap(rest.join('  '), room).map((text) => ' '.repeat(lead) + paint('dim', text))
    return [line, ...below]
  })
}

function belowOf({ below, title }: Column, cell: Cell): string[] {
  const text = oneLine(textOf(cell))
  if (!below || text === '') return []
  return [below === 'named' ? `${title} ${text}` : text]
}

/** Would the text be cut for the sake of what could stand below it? */
function isCramped(table: Table, width: number): boolean {
  if (table.columns.every(({ below }) => below === undefined)) return false
  const widths = widthsOf(table)
  const text = widths[stretching(table.columns)]!
  return roomFor(table, widths, width) < Math.min(text, ROOM_FOR_TEXT)
}

function widthsOf({ columns, rows, titles }: Table): number[] {
  const shown = titles ? [columns.map(({ title }) => title), ...rows] : rows
  return columns.map(({ least = 0 }, i) =>
    shown.reduce((most, row) => Math.max(most, displayWidth(oneLine(textOf(row[i] ?? '')))), least),
  )
}

function stretching(columns: readonly Column[]): number {
  const flexible = columns.findIndex((column) => column.flexible)
  return flexible < 0 ? columns.length - 1 : flexible
}

/** What the other columns leave of the line. */
function roomFor({ columns, indent = 0 }: Table, widths: readonly number[], width: number): number {
  const stretch = stretching(columns)
  const shown = widths.filter((w) => w > 0).length
  const fixed = widths.reduce((sum, w, i) => (i === stretch ? sum : sum + w), 0)
  return width - indent - fixed - GAP * Math.max(0, shown - 1)
}

function formatRows(table: Table, width: number | null, paint: Paint): string[] {
  const { columns } = table
  const texts = table.rows.map((row) => row.map((cell) => oneLine(textOf(cell))))
  const rows = table.titles ? [columns.map(({ title }) => title), ...texts] : texts
  const widths = widthsOf(table)
  const stretch = stretching(columns)
  const indent = ' '.repeat(table.indent ?? 0)
  if (width !== null) {
    const room = roomFor(table, widths, width)
    widths[stretch] = Math.min(widths[stretch]!, Math.max(MIN_FLEXIBLE, room))
  }
  return rows.map((row, at) => {
    const isTitle = table.titles === true && at === 0
    const given = table.rows[table.titles ? at - 1 : at]
    let line = indent
    let pending = 0
    for (const [i, column] of columns.entries()) {
      const cellWidth = widths[i]!
      if (cellWidth === 0) continue
      const cell = cut(row[i] ?? '', cellWidth)
      const isText = width === null && i === stretch
      const padded = isText ? Math.min(cellWidth, PADDED_IN_PIPES) : cellWidth
      const missing = Math.max(0, padded - displayWidth(cell))
      const style = isTitle ? 'dim' : (styleOf(given?.[i]) ?? column.style)
      const text = style ? paint(style, cell) : cell
      const lead = column.align === 'right' ? missing : 0
      line += ' '.repeat(pending + lead) + text
      pending = GAP + missing - lead
    }
    return line.trimEnd()
  })
}

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text)
const styleOf = (cell: Cell | undefined): Style | undefined =>
  cell === undefined || typeof cell === 'string' ? undefined : cell.style

/** At most so many columns wide, with … where it was cut. Wide characters count as two. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let used = 0
  let kept = ''
  for (const { segment } of SEGMENTER.segment(text)) {
    const wide = displayWidth(segment)
    if (used + wide > width - 1) break
    kept += segment
    used += wide
  }
  return `${kept.trimEnd()}…`
}

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

export function displayWidth(text: string): number {
  return Bun.stringWidth(text)
}

/** Lines of at most so many columns, broken at spaces; what is longer than a line is broken anywhere. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.split(' ')) {
      const joined = line === '' ? word : `${line} ${word}`
      if (displayWidth(joined) <= width) {
        line = joined
        continue
      }
      if (line !== '') lines.push(line)
      line = word
      while (displayWidth(line) > width) {
        const head = cut(line, width + 1).replace(/…$/, '')
        lines.push(head)
        line = line.slice(head.length)
      }
    }
    lines.push(line)
  }
  return lines
}

/**
 * Text of others, safe to print: control characters would move the cursor or rename the window, and marks of
 * writing direction would let a text show in another order than it has.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '�')
}

const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

export function oneLine(text: string): string {
  return printable(text.replace(/[\r\n\t\u2028\u2029]+/g, ' ')).trim()
}

/** "mem_7f3a91c2": kind and the first eight characters; any unique beginning is accepted back. */
export function shortId(id: string): string {
  const underscore = id.indexOf('_')
  return underscore < 0 ? id.slice(0, 12) : id.slice(0, underscore + 9)
}

const UNITS: readonly (readonly [number, string])[] = [
  [365 * 86_400, 'y'],
  [30 * 86_400, 'mo'],
  [7 * 86_400, 'w'],
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
]

/** "3 d ago", "in 2 w", "just now". */
export function relativeTime(at: string | number, now: number): string {
  const seconds = Math.round((now - new Date(at).getTime()) / 1000)
  const size = Math.abs(seconds)
  const unit = UNITS.find(([length, name]) => size >= length * (name === 'w' ? 2 : 1))
  if (!unit) return seconds < -1 ? `in ${size} s` : size < 10 ? 'just now' : `${size} s ago`
  const count = `${Math.floor(size / unit[0])} ${unit[1]}`
  return seconds < 0 ? `in ${count}` : `${count} ago`
}

/** "2026-12-31 14:05" in the time zone of the machine. */
export function dateTime(at: string | number): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

/** "84 KB": powers of 1000, as disks are sold. */
export function fileSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  let value = bytes
  for (const unit of ['KB', 'MB', 'GB']) {
    value /= 1000
    if (value < 999.5) return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`
  }
  return `${(value / 1000).toFixed(1)} TB`
}

/** "0.3 s", "45 ms", "2 min". */
export function duration(ms: number): string {
  if (ms < 100) return `${Math.max(1, Math.round(ms))} ms`
  if (ms < 90_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 90) return `${minutes} min`
  const hours = Math.round(ms / 3_600_000)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`
}

/** "1 memory", "2 memories". */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount.toLocaleString('en-US')} ${amount === 1 ? one : many}`
}

/** `~/…` for what lies in the home folder. */
export function tilde(path: string, env: Readonly<Record<string, string | undefined>>): string {
  const home = env.HOME ?? env.USERPROFILE
  return home && home !== '/' && path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path
}
