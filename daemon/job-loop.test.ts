import { afterEach, describe, expect, test } from 'bun:test'
import { type LoopOptions, type Round, startLoop } from './job-loop.ts'

const ends: AbortController[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end.abort()
})

/** A loop whose rounds the test answers, in the order in which they are asked. */
function scripted(options: Partial<LoopOptions> = {}) {
  const end = new AbortController()
  ends.push(end)
  const asked: ((round: Round | Error) => void)[] = []
  const waiting: (() => void)[] = []
  const errors: unknown[] = []
  const loop = startLoop(
    {
      lanes: 1,
      work: () =>
        new Promise<Round>((resolve, reject) => {
          asked.push((round) => (round instanceof Error ? reject(round) : resolve(round)))
          for (const tell of waiting.splice(0)) tell()
        }),
      dueInMs: async () => null,
      onError: (error) => errors.push(error),
      ...options,
    },
    end.signal,
  )
  return {
    loop,
    end,
    errors,
    asked,
    /** The next round that is asked for and not answered yet. */
    async next(): Promise<(round: Round | Error) => void> {
      while (asked.length === 0) await new Promise<void>((tell) => waiting.push(tell))
      return asked.shift()!
    },
  }
}

/** Everything that needs no timer has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a loop of work', () => {
  test('goes on while there is more, and sleeps when there is none', async () => {
    const { next, asked } = scripted()
    ;(await next())('more')
    ;(await next())('more')
    ;(await next())('none')
    await settled()
    expect(asked).toHaveLength(0)
  })

  test('wakes one lane a ring', async () => {
    const { loop, next, asked } = scripted({ lanes: 3 })
    for (let i = 0; i < 3; i++) (await next())('none')
    await settled()
    loop.wake()
    await settled()
    expect(asked).toHaveLength(1)
    loop.wake()
    await settled()
    expect(asked).toHaveLength(2)
  })

  test('where one found work another one looks too', async () => {
    const { loop, next, asked } = scripted({ lanes: 2 })
    for (let i = 0; i < 2; i++) (await next())('none')
    await settled()
    loop.wake()
    ;(await next())('more')
    await settled()
    expect(asked).toHaveLength(2)
  })

  test('a ring while it looks is heard: it looks again', async () => {
    const { loop, next, asked } = scripted()
    const answer = await next()
    loop.wake()
    answer('none')
    await settled()
    expect(asked).toHaveLength(1)
  })

  test('a ring while it asks what is due is heard', async () => {
    const { promise, resolve } = Promise.withResolvers<number | null>()
    const { loop, next, asked } = scripted({ dueInMs: () => promise })
    ;(await next())('none')
    await settled()
    loop.wake()
    resolve(null)
    await settled()
    expect(asked).toHaveLength(1)
  })

  test('looks again when something is due by itself', async () => {
    const { next } = scripted({ dueInMs: async () => 1 })
    ;(await next())('none')
    ;(await next())('none')
  })

  test('a failure is told, and the lane sleeps until it is woken', async () => {
    const { loop, next, asked, errors } = scripted({ dueInMs: async () => 0 })
    ;(await next())(new Error('the disk is gone'))
    await settled()
    expect(errors).toEqual([new Error('the disk is gone')])
    expect(asked).toHaveLength(0)
    loop.wake()
    ;(await next())('none')
  })

  test('ends when it is told to, asleep or at work', async () => {
    const { loop, next, end, errors } = scripted({ lanes: 2 })
    ;(await next())('blocked')
    const atWork = await next()
    await settled()
    end.abort()
    atWork(new Error('broken off'))
    await loop.stopped
    expect(errors).toEqual([])
  })
})
