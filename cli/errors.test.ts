import { expect, test } from 'bun:test'
import { help } from './commands/help.ts'
import { CliError, ERROR_TABLE, withHelpOf } from './errors.ts'
import { runHere } from './fixtures/in-process.ts'

test.each(ERROR_TABLE.map(({ code, exit }) => [code, exit] as const))(
  'help %s says what it means and what to do',
  async (code, exit) => {
    const { out } = await runHere(help, { subject: [code.toLowerCase()] }, {}, {})
    const text = out.replaceAll('\n', ' ')
    expect(text).toStartWith(`${code}: `)
    const [, more] = text.split(` Exit code ${exit}. `)
    expect(more!.length).toBeGreaterThan(60)
    expect(out).toContain('What helps most often: ')
  },
)

test('no advice is a loop: none but that for the words of the line is “engram help”', () => {
  const general = ERROR_TABLE.filter(({ fix }) => fix === 'engram help').map(({ code }) => code)
  expect(general).toEqual(['E_USAGE'])
})

test('a value that breaks a rule sends to the help of its command, unless better is known', () => {
  const invalid = new CliError('E_INVALID', 'content must be shorter')
  expect(withHelpOf(invalid, 'memories add').fix).toBe('engram memories add --help')
  expect(withHelpOf(invalid, '').fix).toBe('correct the value that the message names')
  const closer = new CliError('E_INVALID', 'x', { fix: 'name a file' })
  expect(withHelpOf(closer, 'memories add').fix).toBe('name a file')
  const other = new CliError('E_TIMEOUT', 'x')
  expect(withHelpOf(other, 'memories add')).toBe(other)
})
