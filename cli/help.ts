import type { ArgumentSpec, CommandSpec, OptionSpec } from './command.ts'
import { COMMANDS, GLOBAL_OPTIONS } from './commands.ts'
import { formatTable, type Paint, wrap } from './output.ts'

/** The groups of `engram --help`, by first word. What is not named here stands in the last one. */
const GROUPS: readonly Readonly<{ title: string; nouns: readonly string[] }>[] = [
  {
    title: 'Run',
    nouns: ['serve', 'status', 'stop', 'run', 'proxy', 'ui', 'mcp', 'clients'],
  },
  {
    title: 'Remember',
    nouns: ['memories', 'why', 'tail', 'review', 'conflicts', 'conversations', 'eval'],
  },
  {
    title: 'Manage',
    nouns: ['namespaces', 'users', 'keys', 'apps', 'jobs', 'embeddings', 'config', 'doctor'],
  },
  { title: 'More', nouns: ['help', 'version'] },
]

export const TOPIC_NAMES = ['environment', 'exit-codes', 'json', 'privacy', 'proxy'] as const
export type TopicName = (typeof TOPIC_NAMES)[number]

type Page = Readonly<{ width: number | null; paint: Paint }>

export function findCommand(path: string): CommandSpec | undefined {
  return COMMANDS.find((spec) => spec.path === path || spec.aliases?.includes(path))
}

/** The commands below a noun; of the whole program for an empty one. */
export function childrenOf(path: string): CommandSpec[] {
  const depth = path === '' ? 1 : path.split(' ').length + 1
  return COMMANDS.filter(
    (spec) =>
      (path === '' || spec.path.startsWith(`${path} `)) && spec.path.split(' ').length === depth,
  )
}

/** Help for a command by its path, or for the program by an empty one. */
export function helpText(path: string, page: Page): string {
  const spec = findCommand(path)
  const lines = spec ? commandHelp(spec, path, page) : programHelp(page)
  return `${lines.join('\n')}\n`
}

function programHelp({ width, paint }: Page): string[] {
  const heading = (text: string) => paint('bold', text)
  const rows = (specs: readonly CommandSpec[]) => specs.map((spec) => [spec.path, spec.about])
  const wide = Math.max(...childrenOf('').map(({ path }) => path.length))
  const table = (entries: readonly (readonly string[])[]) =>
    formatTable(
      {
        columns: [
          { title: '', style: 'cyan', least: wide },
          { title: '', flexible: true },
        ],
        rows: entries,
        indent: 2,
      },
      width,
      paint,
    )
  const shortcuts = COMMANDS.flatMap(({ aliases = [] }) => aliases)
  return [
    'Engram: a memory for AI tools, on this machine.',
    '',
    `${heading('Usage')}  engram COMMAND [--json] [-h]`,
    '',
    heading('Start here'),
    ...examples(
      [
        ['engram serve', 'run it; your app then uses http://127.0.0.1:3647/v1'],
        ['engram add "I prefer tabs over spaces"', 'store a memory'],
        ['engram search "code style"', 'find it by meaning'],
        ['engram why last', 'what went into the last answer, and why'],
      ],
      { width, paint },
    ),
    ...GROUPS.flatMap(({ title, nouns }) => [
      '',
      heading(title),
      ...table(rows(nouns.map((noun) => findCommand(noun)!))),
    ]),
    '',
    ...flow(`Shortcuts: ${shortcuts.map((name) => `engram ${name}`).join(', ')}.`, width),
    ...flow(`Topics: engram help ${TOPIC_NAMES.join(' | ')}.`, width),
    ...flow('Every command explains itself: engram COMMAND --help.', width),
  ]
}

function commandHelp(spec: CommandSpec, path: string, { width, paint }: Page): string[] {
  const heading = (text: string) => paint('bold', text)
  const children = childrenOf(spec.path)
  const page = { width, paint }
  const aliases = (spec.aliases ?? []).filter((alias) => alias !== path)
  const others = path === spec.path ? aliases : [spec.path, ...aliases]
  return [
    ...flow(`${capital(spec.about)}.`, width),
    ...(spec.details ? flow(spec.details, width) : []),
    '',
    `${heading('Usage')}  ${usageOf(spec, path)}`,
    ...(others.length > 0
      ? [`${heading('Also')}   ${others.map((name) => `engram ${name}`).join(', ')}`]
      : []),
    '',
    heading('Examples'),
    ...examples(spec.examples, page),
    ...section(
      'Commands',
      children.map(({ path: full, about, args = [] }) => [
        [full.split(' ').at(-1)!, ...args.map(inUsage)].join(' '),
        about,
      ]),
      page,
    ),
    ...section(
      'Arguments',
      (spec.args ?? []).map(({ name, about }) => [shown(name), about]),
      page,
    ),
    ...section('Options', optionRows(spec.options ?? []), page),
    ...(children.length > 0 ? [] : section('Everywhere', optionRows(GLOBAL_OPTIONS), page)),
  ]
}

export function usageOf(spec: CommandSpec, path = spec.path): string {
  const words = ['engram', path]
  if (childrenOf(spec.path).length > 0) words.push('COMMAND')
  words.push(...(spec.args ?? []).map(inUsage))
  if ((spec.options ?? []).some(({ hidden }) => !hidden)) words.push('[OPTIONS]')
  return words.join(' ')
}

const inUsage = ({ name }: ArgumentSpec) =>
  name.startsWith('[') ? `[${shown(name)}]` : shown(name)

/** `<ID...>` as `ID…`. */
function shown(argument: string): string {
  return argument.slice(1, -1).replace('...', '…')
}

function optionRows(options: readonly OptionSpec[]): string[][] {
  return options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, about }) => [
      flags.startsWith('--') ? `    ${flags.replace(/[<>]/g, '')}` : flags.replace(/[<>]/g, ''),
      about,
    ])
}

function section(title: string, rows: readonly (readonly string[])[], page: Page): string[] {
  if (rows.length === 0) return []
  return ['', page.paint('bold', title), ...listing(rows, page)]
}

/** Names with what they are about, whose text goes on below itself when it is long. */
export function listing(rows: readonly (readonly string[])[], { width, paint }: Page): string[] {
  const wide = Math.max(...rows.map(([name]) => name!.length))
  const room = Math.max(24, (width ?? 100) - wide - 4)
  return rows.flatMap(([name, about]) =>
    wrap(about!, room).map((line, i) =>
      `  ${i === 0 ? paint('cyan', name!.padEnd(wide)) : ' '.repeat(wide)}  ${line}`.trimEnd(),
    ),
  )
}

function examples(lines: CommandSpec['examples'], { width, paint }: Page): string[] {
  return formatTable(
    {
      columns: [{ title: '' }, { title: '', style: 'dim', flexible: true }],
      rows: lines.map(([command, about]) => [command, about]),
      indent: 2,
    },
    width,
    paint,
  )
}

export function flow(text: string, width: number | null): string[] {
  return wrap(text, width ?? 100)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
