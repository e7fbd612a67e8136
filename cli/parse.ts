import { Command, type CommanderError, Option } from 'commander'
import type { CommandSpec, Globals, OptionSpec } from './command.ts'
import { COMMANDS, GLOBAL_OPTIONS } from './commands.ts'
import { type CliError, usage, withHelpOf } from './errors.ts'
import { childrenOf, findCommand, usageOf } from './help.ts'

/** What a command line asks for: a command with its values, or help. */
export type Parsed = Readonly<
  | {
      kind: 'run'
      spec: CommandSpec
      args: Record<string, unknown>
      flags: Record<string, unknown>
    }
  | { kind: 'help'; path: string; asked: boolean }
  | { kind: 'error'; error: CliError }
> &
  Readonly<{ globals: Globals }>

/** Words that people use for ours. */
const SYNONYMS: Readonly<Record<string, string>> = {
  delete: 'rm',
  remove: 'rm',
  forget: 'rm',
  ls: 'list',
  get: 'show',
  find: 'search',
  new: 'add',
  update: 'edit',
  start: 'serve',
  quit: 'stop',
  memory: 'memories',
  settings: 'config',
  logs: 'why',
}

/** Reads a command line. Never throws: what is wrong with it is part of the answer. */
export function parse(argv: readonly string[]): Parsed {
  const runs: Parameters<Run>[] = []
  const program = build((...given) => void runs.push(given))
  try {
    program.parse([...argv], { from: 'user' })
    const globals = globalsOf(program)
    const [given] = runs
    if (!given) return { kind: 'help', path: '', asked: false, globals }
    const [spec, args, flags] = given
    return { kind: 'run', spec, args, flags, globals }
  } catch (error) {
    const globals = globalsOf(program)
    if (error instanceof Refused) return refusal(error, argv, globals)
    const { path = '' } = commandIn(argv) ?? {}
    return { kind: 'error', error: withHelpOf(error as CliError, path), globals }
  }
}

/** The command that a line names, when it was not read to its end. Its words stand side by side. */
function commandIn(argv: readonly string[]): CommandSpec | undefined {
  const words = argv.filter((word) => !word.startsWith('-'))
  for (let start = 0; start < words.length; start++) {
    for (const length of [3, 2, 1]) {
      const spec = findCommand(words.slice(start, start + length).join(' '))
      if (spec) return spec
    }
  }
  return undefined
}

class Refused extends Error {
  readonly path: string
  readonly reason: CommanderError
  constructor(path: string, reason: CommanderError) {
    super(reason.message)
    this.path = path
    this.reason = reason
  }
}

type Run = (
  spec: CommandSpec,
  args: Record<string, unknown>,
  flags: Record<string, unknown>,
) => void

function build(run: Run): Command {
  const program = prepare(new Command('engram'), '')
  for (const option of GLOBAL_OPTIONS) program.addOption(toOption(option))
  const nouns = new Map<string, Command>([['', program]])
  for (const spec of COMMANDS) {
    const words = spec.path.split(' ')
    const parent = nouns.get(words.slice(0, -1).join(' '))!
    nouns.set(spec.path, addCommand(parent, words.at(-1)!, spec, run, false))
    for (const alias of spec.aliases ?? []) addCommand(program, alias, spec, run, true)
  }
  return program
}

function addCommand(
  parent: Command,
  name: string,
  spec: CommandSpec,
  run: Run,
  hidden: boolean,
): Command {
  const command = prepare(new Command(name), hidden ? name : spec.path)
  for (const { name: argument, about } of spec.args ?? []) command.argument(argument, about)
  for (const option of spec.options ?? []) command.addOption(toOption(option))
  // A noun alone is no command: its help is shown.
  if (childrenOf(spec.path).length === 0) {
    command.action((...given: unknown[]) => {
      const values = given.slice(0, command.registeredArguments.length)
      const args = Object.fromEntries(
        command.registeredArguments.map((argument, i) => [
          argument.name().toLowerCase(),
          values[i],
        ]),
      )
      run(spec, args, command.opts())
    })
  }
  parent.addCommand(command, { hidden })
  return command
}

/** Our own help and our own errors instead of commander's. */
function prepare(command: Command, path: string): Command {
  return command
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} })
    .exitOverride((error) => {
      throw new Refused(path, error)
    })
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.about).hideHelp(spec.hidden === true)
  const { choices, read } = spec
  if (!choices && !read) return option
  return option.argParser((text) => {
    try {
      if (choices && !choices.includes(text))
        throw new Error(`must be one of ${choices.join(', ')}`)
      return read ? read(text) : text
    } catch (error) {
      throw usage(`${option.long} ${(error as Error).message}, got "${text}"`)
    }
  })
}

function globalsOf(program: Command): Globals {
  const given = program.opts()
  return {
    json: given.json === true,
    quiet: given.quiet === true,
    color: given.color ?? 'auto',
    input: given.input !== false,
    yes: given.yes === true,
    namespace: given.namespace,
    home: given.home,
    url: given.url,
    timeoutMs: given.timeout,
  }
}

function refusal({ path, reason }: Refused, argv: readonly string[], globals: Globals): Parsed {
  if (reason.code === 'commander.helpDisplayed') {
    // Help for something else than was named would say that all is well.
    const bare = childrenOf(path).length === 0 ? null : parse(argv.filter((word) => !isHelp(word)))
    return bare?.kind === 'error' ? bare : { kind: 'help', path, asked: true, globals }
  }
  if (reason.code === 'commander.help') return { kind: 'help', path, asked: false, globals }
  return { kind: 'error', error: explain(path, reason, argv), globals }
}

const isHelp = (word: string) => word === '-h' || word === '--help'

function noCommand(path: string, word: string, similar: readonly string[]): CliError {
  const self = path === '' ? 'engram' : `engram ${path}`
  const known = childrenOf(path).map((child) => child.path.split(' ').at(-1)!)
  const meant = SYNONYMS[word]
  const [best] = [meant, word, `memories ${word}`, `memories ${meant}`]
    .filter((name) => name && (known.includes(name) || (path === '' && findCommand(name))))
    .concat(similar)
  return best
    ? usage(`${self} has no command "${word}"; did you mean ${best}?`, `${self} ${best} --help`)
    : usage(`${self} has no command "${word}"`, `${self} --help`)
}

function explain(
  path: string,
  { code, message }: CommanderError,
  argv: readonly string[],
): CliError {
  const [first = '', hint = ''] = message.replace(/^error: /, '').split('\n')
  const similar = /Did you mean (?:one of )?([^?]+)\?/.exec(hint)?.[1]?.split(', ')
  const self = path === '' ? 'engram' : `engram ${path}`
  const spec = COMMANDS.find((one) => one.path === path || one.aliases?.includes(path))
  const [example] = spec?.examples[0] ?? []
  switch (code) {
    case 'commander.unknownCommand': {
      const word = /'(.*)'/.exec(first)?.[1] ?? ''
      return noCommand(path, word, similar ?? [])
    }
    case 'commander.unknownOption': {
      const flag = /'(.*)'/.exec(first)?.[1] ?? ''
      if (path === 'run') {
        return usage(
          `engram run has no option ${flag}; options of the program stand behind --`,
          `engram run PROGRAM -- ${flag}`,
        )
      }
      const isText = !flag.startsWith('--') && !/^-[a-zA-Z]$/.test(flag) && !argv.includes('--')
      if (isText) {
        return usage(
          `${flag} is taken for an option, because it begins with -`,
          `${self} -- "${flag}"`,
        )
      }
      const guess = similar ? `; did you mean ${similar.join(' or ')}?` : ''
      return usage(`${self} has no option ${flag}${guess}`, `${self} --help`)
    }
    case 'commander.missingArgument': {
      const name = /'(.*)'/.exec(first)?.[1] ?? 'an argument'
      return usage(`${self} needs ${name}: ${spec ? usageOf(spec, path) : self}`, example)
    }
    case 'commander.optionMissingArgument': {
      const flags = /'(.*)' argument/.exec(first)?.[1] ?? ''
      return usage(`${flags.replace(/.*(--\S+).*/, '$1')} needs a value`, `${self} --help`)
    }
    case 'commander.excessArguments':
      return usage(
        `${self} was given more than it takes: ${spec ? usageOf(spec, path) : self}`,
        'put quotes around text with spaces',
      )
    default:
      return usage(first, `${self} --help`)
  }
}
