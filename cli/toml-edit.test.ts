import { describe, expect, test } from 'bun:test'
import { appendTable, removeTable, setValue, toLiteral, unsetValue } from './toml-edit.ts'

const FILE = `# My Engram
top = 1

[server]   # where it listens
port = 4000      # not the usual one
host = '127.0.0.1'
allowed_hosts = [
  "a.example",  # "quoted" # twice
  "b.example",
]

# keys
[providers.openai]
base_url = "https://api.example/v1 # no comment"
api_key = """sk-
x"""

[log]
level = "info"
`

describe('set', () => {
  test.each([
    ['server.port', '5000', 'port = 4000      #', 'port = 5000      #'],
    ['server.host', '"::1"', "host = '127.0.0.1'", 'host = "::1"'],
    [
      'providers.openai.base_url',
      '"https://b.example"',
      '"https://api.example/v1 # no comment"',
      '"https://b.example"',
    ],
    ['providers.openai.api_key', '"new"', '"""sk-\nx"""', '"new"'],
    [
      'server.allowed_hosts',
      '[]',
      '[\n  "a.example",  # "quoted" # twice\n  "b.example",\n]',
      '[]',
    ],
  ])('replaces the value of %s and no other byte', (name, literal, before, after) => {
    expect(FILE).toContain(before)
    expect(setValue(FILE, name, literal)).toBe(FILE.replace(before, after))
  })

  test('adds a line at the end of its table', () => {
    expect(setValue(FILE, 'server.require_key', 'true')).toBe(
      FILE.replace('  "b.example",\n]\n', '  "b.example",\n]\nrequire_key = true\n'),
    )
  })

  test('adds a table at the end of the file', () => {
    expect(setValue(FILE, 'memory.review', '"all"')).toBe(`${FILE}\n[memory]\nreview = "all"\n`)
    expect(setValue('', 'memory.review', '"all"')).toBe('[memory]\nreview = "all"\n')
    expect(setValue('a = 1', 'memory.review', '"all"')).toBe('a = 1\n\n[memory]\nreview = "all"\n')
  })

  test('finds dotted keys, quoted keys and tables in quotes', () => {
    expect(setValue('server.port = 1\n', 'server.port', '2')).toBe('server.port = 2\n')
    expect(setValue('[server]\n"port"=1#x\n', 'server.port', '2')).toBe('[server]\n"port"=2#x\n')
    expect(
      setValue('[ providers . "openai" ]\napi_key = "a"\n', 'providers.openai.api_key', '"b"'),
    ).toBe('[ providers . "openai" ]\napi_key = "b"\n')
  })

  test('keeps the line ends of Windows, and a file without a last line end', () => {
    expect(setValue('[log]\r\nlevel = "info"\r\n', 'log.format', '"json"')).toBe(
      '[log]\r\nlevel = "info"\r\nformat = "json"\r\n',
    )
    expect(setValue('[log]\nlevel = "info"', 'log.format', '"json"')).toBe(
      '[log]\nlevel = "info"\nformat = "json"\n',
    )
    expect(setValue('[log]\nlevel = "info"', 'log.level', '"warn"')).toBe('[log]\nlevel = "warn"')
  })
})

describe('unset', () => {
  test('takes out the lines of one value only', () => {
    expect(unsetValue(FILE, 'server.port')).toBe(
      FILE.replace('port = 4000      # not the usual one\n', ''),
    )
    expect(unsetValue(FILE, 'providers.openai.api_key')).toBe(
      FILE.replace('api_key = """sk-\nx"""\n', ''),
    )
    expect(unsetValue(FILE, 'memory.review')).toBe(FILE)
  })

  test('undoes set', () => {
    for (const name of ['server.require_key', 'log.format']) {
      expect(unsetValue(setValue(FILE, name, '"x"'), name)).toBe(FILE)
    }
  })
})

test('what is written is read back as it was meant', () => {
  const values = [4000, true, 'https://x/v1', 'quo"te \\ back', 'tab\tü 茶', ['a', 'b'], [], '\x7f']
  for (const value of values) {
    const parsed = Bun.TOML.parse(setValue(FILE, 'server.x', toLiteral(value))) as {
      server: { x: unknown }
    }
    expect(parsed.server.x).toEqual(value)
  }
})

describe('a table', () => {
  const VALUES = { command: '/opt/engram', args: ['mcp', '--stdio'], env: { 'A.B': 'x', C: 'y' } }
  const add = (text: string) => appendTable(text, 'mcp.engram', VALUES, 'Ours.')
  const take = (text: string) => removeTable(text, 'mcp.engram', 'Ours.')

  test('is added at the end and taken out again, in any file that ends its last line', () => {
    for (const text of ['', FILE, FILE.replaceAll('\n', '\r\n'), '[[list]]\na = 1\n\n\n']) {
      expect(take(add(text))).toBe(text)
      const parsed = Bun.TOML.parse(add(text)) as { mcp: { engram: unknown } }
      expect(parsed.mcp.engram).toEqual(VALUES)
    }
    expect(add('a = 1\n')).toBe(
      'a = 1\n\n# Ours.\n[mcp.engram]\ncommand = "/opt/engram"\nargs = ["mcp", "--stdio"]\nenv = { "A.B" = "x", C = "y" }\n',
    )
  })

  test('goes with the tables below it; what stands around it stays', () => {
    const text = `${FILE}
# mine
[mcp.engram] # hm
command = "x"
note = """
[mcp.other]
"""

[mcp.engram.env]
A = "b"

# not ours
[mcp.engramx]
a = 1
[[mcp.engrams]]
b = 1
[mcp.engram.tools]
c = 1
`
    expect(take(text)).toBe(`${FILE}
# mine


# not ours
[mcp.engramx]
a = 1
[[mcp.engrams]]
b = 1
`)
    expect(take(FILE)).toBe(FILE)
  })
})
