import { describe, expect, test } from 'bun:test'
import { Line } from './line.ts'

/** Work that takes its time one after the other, as a thread would. */
function thread(eachMs: number) {
  let last: Promise<unknown> = Promise.resolve()
  let done = 0
  return {
    work: () => {
      last = last.then(async () => {
        await Bun.sleep(eachMs)
        done++
      })
      return last
    },
    done: () => done,
  }
}

describe('a line before a thread', () => {
  test('who comes alone is served, however long the one before took', async () => {
    const line = new Line()
    await line.stand(() => Bun.sleep(30))
    expect(await line.stand(async () => 'served', 0)).toBe('served')
  })

  test('who would wait too long is told so, and their work is not done', async () => {
    const line = new Line()
    const { work, done } = thread(10)
    for (let i = 0; i < 5; i++) await line.stand(work)
    const standing = Array.from({ length: 8 }, () => line.stand(work))
    await expect(line.stand(work, 5)).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringMatching(/^8 others are before it, which takes about \d+ ms$/),
    })
    await Promise.all(standing)
    expect(done()).toBe(13)
    await line.stand(work, 5)
    expect(done()).toBe(14)
  })

  test('a rush that passes is no lasting wait, a crowd that stays is', async () => {
    const line = new Line()
    const { work } = thread(2)
    for (let i = 0; i < 5; i++) await line.stand(work)
    const rush = Array.from({ length: 10 }, () => line.stand(work))
    expect(line.waitMs).toBeGreaterThan(10)
    expect(line.lastingWaitMs).toBeLessThan(line.waitMs / 2)
    await Promise.all(rush)
    expect(line.lastingWaitMs).toBe(0)

    const standing = new Set<Promise<unknown>>()
    for (let i = 0; i < 200; i++) {
      const one = line.stand(work).finally(() => standing.delete(one))
      standing.add(one)
      if (standing.size >= 10) await Promise.race(standing)
    }
    expect(line.lastingWaitMs).toBeGreaterThan(5)
    await Promise.all(standing)
  })

  test('the patient wait for any number', async () => {
    const line = new Line()
    const { work, done } = thread(1)
    await Promise.all(Array.from({ length: 40 }, () => line.stand(work)))
    expect(done()).toBe(40)
  })

  test('many at once that do not wait for each other are no line', async () => {
    const line = new Line()
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 20 }, () => line.stand(() => Bun.sleep(5))))
    }
    const all = Array.from({ length: 20 }, () => line.stand(() => Bun.sleep(5), 60))
    expect(await Promise.all(all)).toHaveLength(20)
  })

  test('work that fails leaves the line as any other', async () => {
    const line = new Line()
    const failing = async () => {
      await Bun.sleep(5)
      throw new Error('broken')
    }
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => line.stand(failing)))
    expect(all.map(({ status }) => status)).toEqual(new Array(5).fill('rejected'))
    expect(await line.stand(async () => 'served', 0)).toBe('served')
  })
})
