import type { Paths } from '../daemon/paths.ts'
import type { Client } from './client.ts'
import type { ColorWish, Output } from './output.ts'

/** Flags that every command takes. */
export type Globals = Readonly<{
  json: boolean
  quiet: boolean
  color: ColorWish
  /** false with --no-input: nothing is asked. */
  input: boolean
  yes: boolean
  namespace: string | undefined
  home: string | undefined
  url: string | undefined
  timeoutMs: number | undefined
}>

/** What a command has to work with. */
export type Context = Readonly<{
  globals: Globals
  env: Readonly<Record<string, string | undefined>>
  paths: Paths
  out: Output
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
  /** From now on Ctrl-C waits until the command has ended by itself, however long that takes. */
  finishFirst(): void
  /** From now on Ctrl-C is the matter of a program that this command runs. */
  leaveSignals(): void
  /** The daemon, started when none answers. */
  client(): Promise<Client>
  /** The daemon that runs. @throws CliError `E_DAEMON_DOWN` when none does; none is started. */
  runningClient(): Promise<Client>
}>

/** One use of a command: its arguments by name, its flags by their long names in camel case. */
export type Call<Flags, Args> = Context & Readonly<{ args: Args; flags: Readonly<Flags> }>

/** @returns the exit code, 0 without one */
// biome-ignore lint/suspicious/noConfusingVoidType: most commands end well without saying so
export type Handler<Flags, Args> = (call: Call<Flags, Args>) => Promise<number | void>

/** One argument, as help shows it: `<ID>` is needed, `[ID]` is not, `<ID...>` takes several. */
export type ArgumentSpec = Readonly<{ name: string; about: string }>

export type OptionSpec = Readonly<{
  /** `-n, --limit <N>` takes a value, `--pin` does not. */
  flags: string
  about: string
  choices?: readonly string[]
  /** @throws Error whose message says what the value must be. */
  read?: (text: string) => unknown
  /** Used by other parts of Engram, not by people. */
  hidden?: true
}>

/** A row of the table in `commands.ts`. */
export type CommandSpec = Readonly<{
  /** Words of the command: `memories add`. */
  path: string
  about: string
  /** More than one line has room for. */
  details?: string
  args?: readonly ArgumentSpec[]
  options?: readonly OptionSpec[]
  /** Command lines that run as they stand, each with what it does. */
  examples: readonly (readonly [string, string])[]
  /** Shorter names at the top level. */
  aliases?: readonly string[]
  /** Called by other programs: left out of lists, explained when asked for by name. */
  hidden?: true
}>
