/** Terminal output as an SVG picture, for the documents: real output, real colours. */

export type Picture = Readonly<{
  /** For those who do not see it. */
  title: string
  /** What a person typed, one entry a command. */
  steps: readonly Readonly<{ typed: string; printed: string }>[]
}>

const CHARACTER_WIDTH = 8.4
const LINE_HEIGHT = 20
const PADDING = 18

/** SGR codes that our command line uses → classes of the style sheet below. */
const CLASSES: Readonly<Record<string, string>> = {
  '1': 'bold',
  '2': 'dim',
  '31': 'red',
  '32': 'green',
  '33': 'yellow',
  '36': 'cyan',
}

// Colours of one palette that reads on a dark ground whatever the page's own theme is.
const STYLE = `
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dae0;white-space:pre}
.bold{font-weight:600;fill:#fff}.dim{fill:#8b93a1}.red{fill:#ff7b72}.green{fill:#7ee787}.yellow{fill:#e3b341}.cyan{fill:#76d4e8}
.prompt{fill:#7ee787}`

/** @returns a whole SVG document, as wide as its longest line */
export function terminalPicture({ title, steps }: Picture): string {
  const lines = steps.flatMap(({ typed, printed }, i) => [
    ...(i > 0 ? [''] : []),
    `<tspan class="prompt">$</tspan> ${escaped(typed)}`,
    ...printed.replace(/\n+$/, '').split('\n').map(coloured),
  ])
  const columns = Math.max(
    ...steps.flatMap(({ typed, printed }) => [
      typed.length + 2,
      ...Bun.stripANSI(printed)
        .split('\n')
        .map((line) => Bun.stringWidth(line)),
    ]),
  )
  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * PADDING)
  const height = lines.length * LINE_HEIGHT + 2 * PADDING
  const rows = lines.map(
    (line, i) => `<text x="${PADDING}" y="${PADDING + (i + 0.75) * LINE_HEIGHT}">${line}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect width="100%" height="100%" rx="8" fill="#161b22"/>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n')
}

function coloured(line: string): string {
  let open = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  const parts = line.split(/\x1b\[([\d;]*)m/)
  const text = parts.map((part, i) => {
    if (i % 2 === 0) return escaped(part)
    const name = CLASSES[part]
    if (name !== undefined) {
      open++
      return `<tspan class="${name}">`
    }
    const closing = '</tspan>'.repeat(open)
    open = 0
    return closing
  })
  return text.join('') + '</tspan>'.repeat(open)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
