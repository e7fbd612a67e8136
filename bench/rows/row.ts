import type { Corpus } from '../corpus.ts'
import type { Mock } from '../load/rig.ts'

/** One line of the table. */
export type Row = Readonly<{
  figure: string
  measured: string
  target: string
  /** null where there is no target, only something worth knowing. */
  ok: boolean | null
  /** The figures themselves, for programs. */
  values: Readonly<Record<string, number | string | readonly number[]>>
}>

/** What every measurement works with. */
export type Bench = Readonly<{
  executable: string
  /** Fewer repetitions and no long runs: a look, not a result. */
  quick: boolean
  mock: Mock
  corpus: Corpus
  random: () => number
  /** A home with ten thousand memories and their vectors, to be copied. */
  template: string
  say: (line: string) => void
}>

export const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`
export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
