import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isEcho, stripInjected } from './echo.ts'

describe('stripInjected', () => {
  test.each([
    ['Hello', 'Hello'],
    ['a <engram-memory>x</engram-memory> b', 'a \n\n b'],
    ['a <engram-memory version="1">x\ny</engram-memory> b', 'a \n\n b'],
    ['a <engram-memory>x', 'a '],
    ['x</engram-memory> b', ' b'],
    ['a <engram-memory>x</engram-memory> b <engram-memory>y</engram-memory> c', 'a \n\n b \n\n c'],
    ['a <engram-memory>x <engram-memory>y</engram-memory> b', 'a \n\n b'],
    ['a &lt;engram-memory&gt;x&lt;/engram-memory&gt; b', 'a \n\n b'],
    ['a \\u003cengram-memory\\u003ex\\u003c/engram-memory\\u003e b', 'a \n\n b'],
    ['a <ENGRAM-MEMORY>x</Engram-Memory > b', 'a \n\n b'],
    ['a <engram-mem', 'a '],
    ['a <engram-memories> b', 'a <engram-memories> b'],
    ['I use engram-memory daily', 'I use engram-memory daily'],
  ])('of %j leaves %j', (text, expected) => {
    expect(stripInjected(text)).toBe(expected)
  })

  test('leaves nothing from inside, wherever it is cut', () => {
    const noise = fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[<&%\\]/g, ''))
    fc.assert(
      fc.property(noise, noise, fc.nat(), fc.nat(), (before, after, from, to) => {
        const inside = 'KEEPOUT '.repeat(20)
        const whole = `${before}<engram-memory>${inside}</engram-memory>${after}`
        const start = from % (before.length + 1)
        const end = whole.length - (to % (whole.length - before.length))
        const left = stripInjected(whole.slice(start, end))
        expect(left).not.toContain('KEEPOUT')
      }),
    )
  })
})

describe('isEcho', () => {
  const injected = [
    "User's sister is called Nadia",
    'User prefers FastAPI for backend work',
    'User has 2 cats',
  ]
  const echo = (content: string, said: string): boolean => isEcho({ content }, injected, [said])

  test.each([
    "User's sister is called Nadia",
    "The user's sister's name is Nadia.",
    'User prefers FastAPI for backend work',
    'User has two cats',
    'User prefers FastAPI',
  ])('%j repeats what was injected', (content) => {
    expect(echo(content, 'Which framework should I take for the new service?')).toBe(true)
  })

  test.each([
    ["User's sister is called Nadia", 'As you know, my sister is called Nadia.'],
    ['User prefers FastAPI for backend work', 'Yes, I still prefer FastAPI for backend work'],
    ['User has two cats', 'I have two cats'],
  ])('%j is the user’s own in %j', (content, said) => {
    expect(echo(content, said)).toBe(false)
  })

  test.each([
    "User's sister is called Nadine",
    "User's sister Nadia lives in Rome",
    'User has 3 cats',
    'User does not prefer FastAPI for backend work',
    'User likes tea',
  ])('%j is news', (content) => {
    expect(echo(content, 'ok')).toBe(false)
  })

  test('nothing is an echo where nothing was injected', () => {
    expect(isEcho({ content: 'User likes tea' }, [], [])).toBe(false)
  })
})
