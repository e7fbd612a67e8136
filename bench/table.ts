import type { Row } from './rows/row.ts'

/** Prints rows for people, below a heading. */
export function printTable(rows: readonly Row[], heading: string): void {
  const cells = rows.map(({ figure, measured, target, ok }) => [
    ok === null ? '' : ok ? 'ok' : 'MISS',
    figure,
    target,
    measured,
  ])
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((line) => line[column]!.length)))
  console.log(`\n${heading}\n`)
  for (const line of cells) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
}
