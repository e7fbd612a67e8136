import { describe, expect, test } from 'bun:test'
import { COMMANDS, GLOBAL_OPTIONS } from './commands.ts'
import { HANDLERS } from './handlers.ts'
import { childrenOf, helpText, TOPIC_NAMES } from './help.ts'
import { parse } from './parse.ts'

const page = { width: 80, paint: (_style: unknown, text: string) => text }

describe('the table of commands', () => {
  test('every command that is no noun alone has what runs it, and nothing else has', () => {
    const runnable = COMMANDS.filter(({ path }) => childrenOf(path).length === 0).map(
      ({ path }) => path,
    )
    expect(Object.keys(HANDLERS).sort()).toEqual(runnable.sort())
  })

  test('the help of the program names every command', () => {
    const text = helpText('', page)
    for (const { path, hidden } of childrenOf('')) {
      expect({ path, named: text.includes(`\n  ${path} `) }).toEqual({ path, named: !hidden })
    }
  })

  test('every handler can be loaded', async () => {
    for (const load of Object.values(HANDLERS)) expect(await load()).toBeFunction()
  })

  test('every command has two examples or more, and each is understood as it stands', () => {
    for (const { path, examples } of COMMANDS) {
      expect(examples.length).toBeGreaterThanOrEqual(2)
      for (const [line] of examples) {
        for (const [, words] of line.matchAll(/(?:^|[|(] ?)engram ([^|)]+)/g)) {
          const parsed = parse(wordsOf(words!))
          expect({ path, line, kind: parsed.kind }).not.toMatchObject({ kind: 'error' })
        }
      }
    }
  })

  test('help fits into 80 columns and names every flag that is not hidden', () => {
    for (const path of ['', ...COMMANDS.map((spec) => spec.path)]) {
      const text = helpText(path, page)
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
      const { options = [] } = COMMANDS.find((spec) => spec.path === path) ?? {}
      for (const { flags, hidden } of options) {
        expect(text.includes(flags.replace(/[<>]/g, ''))).toBe(!hidden)
      }
    }
  })

  test('no command takes a flag that has another meaning everywhere', () => {
    const global = GLOBAL_OPTIONS.flatMap(({ flags }) => flags.match(/--?[\w-]+/g)!)
    for (const { path, options = [] } of COMMANDS) {
      const own = options.flatMap(({ flags }) => flags.match(/--?[\w-]+/g)!)
      expect({ path, both: own.filter((flag) => global.includes(flag)) }).toEqual({
        path,
        both: [],
      })
    }
  })
})

/** Words of a command line, as a shell would cut it; redirections are the shell's own. */
function wordsOf(line: string): string[] {
  const words = [...line.replace(/[12]?[<>].*/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)]
  return words.map(([, double, single, bare]) => double ?? single ?? bare!)
}

describe('a command line', () => {
  test.each([
    [['add', 'I', 'like', 'tea'], 'memories add', { text: ['I', 'like', 'tea'] }, {}],
    [
      ['memories', 'add', '--pin', '--', '--odd', 'text'],
      'memories add',
      { text: ['--odd', 'text'] },
      { pin: true },
    ],
    [
      ['search', 'tea', '-n', '3', '--explain'],
      'memories search',
      { query: ['tea'] },
      { limit: 3, explain: true },
    ],
    [['memories', 'list', '--status', 'all'], 'memories list', {}, { status: 'all' }],
    [['rm', 'a', 'b'], 'memories rm', { id: ['a', 'b'] }, {}],
    [['keys', 'create', 'x', '--read-only'], 'keys create', { name: 'x' }, { readOnly: true }],
    [
      ['conflicts', 'resolve', 'cfl_1', 'keep_old'],
      'conflicts resolve',
      { id: 'cfl_1', decision: 'keep_old' },
      {},
    ],
    [['why'], 'why', { id: undefined }, {}],
    [['serve', '--port', '0', '--demo'], 'serve', {}, { port: '0', demo: true }],
  ])('%j', (argv, path, args, flags) => {
    const parsed = parse(argv)
    expect(parsed).toMatchObject({ kind: 'run', spec: { path }, args, flags })
  })

  test('takes the flags of every command anywhere', () => {
    for (const argv of [
      ['--json', '--namespace', 'work', 'memories', 'list', '-q', '--timeout', '10s'],
      ['memories', 'list', '--timeout', '10s', '--json', '--quiet', '--namespace', 'work'],
    ]) {
      expect(parse(argv).globals).toMatchObject({
        json: true,
        quiet: true,
        namespace: 'work',
        timeoutMs: 10_000,
        input: true,
        yes: false,
      })
    }
    expect(parse(['rm', 'a', '--no-input', '-y']).globals).toMatchObject({
      input: false,
      yes: true,
    })
  })

  test.each([
    [
      ['memory'],
      'engram has no command "memory"; did you mean memories?',
      'engram memories --help',
    ],
    [
      ['list'],
      'engram has no command "list"; did you mean memories list?',
      'engram memories list --help',
    ],
    [
      ['memories', 'delete'],
      'engram memories has no command "delete"; did you mean rm?',
      'engram memories rm --help',
    ],
    [['frobnicate'], 'engram has no command "frobnicate"', 'engram --help'],
    [['frobnicate', '--help'], 'engram has no command "frobnicate"', 'engram --help'],
    [
      ['--json', 'statsu', '-h'],
      'engram has no command "statsu"; did you mean status?',
      'engram status --help',
    ],
    [
      ['memories', 'move', '--help'],
      'engram memories has no command "move"',
      'engram memories --help',
    ],
    [
      ['--timeout', 'soon', 'add', 'x'],
      '--timeout must be a time such as 10s, 500ms or 2min, got "soon"',
      'engram memories add --help',
    ],
    [
      ['status', '--jsn'],
      'engram status has no option --jsn; did you mean --json?',
      'engram status --help',
    ],
    [
      ['memories', 'show'],
      'engram memories show needs ID: engram memories show ID',
      'engram memories show mem_7f3a',
    ],
    [['memories', 'list', '-n'], '--limit needs a value', 'engram memories list --help'],
    [
      ['memories', 'list', '-n', '0'],
      '--limit must be a whole number from 1 to 10,000, got "0"',
      'engram memories list --help',
    ],
    [
      ['memories', 'list', '--status', 'x'],
      '--status must be one of approved, pending, rejected, superseded, all, got "x"',
      'engram memories list --help',
    ],
    [
      ['status', '--color', 'blue'],
      '--color must be one of auto, always, never, got "blue"',
      'engram status --help',
    ],
    [
      ['add', '-5 degrees'],
      '-5 degrees is taken for an option, because it begins with -',
      'engram add -- "-5 degrees"',
    ],
    [
      ['status', 'now'],
      'engram status was given more than it takes: engram status',
      'put quotes around text with spaces',
    ],
  ])('%j is refused in words', (argv, message, fix) => {
    const parsed = parse(argv)
    expect(parsed.kind).toBe('error')
    if (parsed.kind !== 'error') return
    expect({ message: parsed.error.message, fix: parsed.error.fix }).toEqual({ message, fix })
    expect(parsed.error.exitCode).toBe(2)
  })

  test('help is asked for by flag, and given for a noun alone', () => {
    expect(parse(['memories', 'add', '-h'])).toMatchObject({
      kind: 'help',
      path: 'memories add',
      asked: true,
    })
    expect(parse(['add', '--help'])).toMatchObject({ kind: 'help', path: 'add', asked: true })
    expect(parse(['memories', '--help'])).toMatchObject({ kind: 'help', path: 'memories' })
    expect(parse(['--help'])).toMatchObject({ kind: 'help', path: '', asked: true })
    expect(parse(['memories'])).toMatchObject({ kind: 'help', path: 'memories', asked: false })
    expect(parse([])).toMatchObject({ kind: 'help', path: '', asked: false })
    expect(TOPIC_NAMES.length).toBe(5)
  })
})
