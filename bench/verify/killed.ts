import { deepEqual, equal } from 'node:assert/strict'
import { until } from '../../daemon/fixtures/executable.ts'
import { startHeldModel } from '../held-model.ts'
import type { Part } from './report.ts'

/** `kill -9` while the exchange is being learned from: the memory arrives after the restart, once. */
export const killed: Part = async ({ step, open }) => {
  const model = startHeldModel('User has a cat called Mozart')
  try {
    const install = await open(model.env)
    const first = await install.serve()
    const memories = async (served: typeof first) => {
      const answer = await served.ask('GET', '/memories?status=all')
      return ((await answer.json()) as { memories: { content: string }[] }).memories
    }
    const jobs = async (served: typeof first) => {
      const answer = await served.ask('GET', '/jobs')
      return ((await answer.json()) as { jobs: { state: string; attempts: number }[] }).jobs
    }

    await step('the answer comes while the extractor has not', async () => {
      const answer = await first.ask('POST', '/v1/chat', {
        model: 'any',
        messages: [{ role: 'user', content: 'My cat is called Mozart.' }],
      })
      equal(answer.status, 200)
      await answer.text()
      await until('the extractor is asked', () => model.asked() === 1)
      deepEqual(
        (await jobs(first)).map(({ state }) => state),
        ['running'],
      )
      deepEqual(await memories(first), [])
      return 'job running, no memory yet'
    })
    await step('kill -9', async () => {
      await first.kill()
      return `process ${first.pid} is gone`
    })
    await step('after the restart the memory arrives', async () => {
      const second = await install.serve()
      await until('the extractor is asked again', () => model.asked() === 2)
      deepEqual(await memories(second), [])
      model.release()
      const found = await until('the memory is there', async () => {
        const list = await memories(second)
        return list.length > 0 && list
      })
      deepEqual(
        found.map(({ content }) => content),
        ['User has a cat called Mozart'],
      )
      const [job] = await until('its job is done', async () => {
        const list = await jobs(second)
        return list.every(({ state }) => state === 'done') && list
      })
      equal(job!.attempts, 2)
      await second.kill()
      return `"${found[0]!.content}", by the second attempt of the same job`
    })
    await step('and exactly once, whatever is killed', async () => {
      const third = await install.serve()
      await until('nothing waits', async () => {
        const list = await jobs(third)
        return list.every(({ state }) => state === 'done')
      })
      equal((await memories(third)).length, 1)
      equal(model.asked(), 2)
      return '1 memory; the extractor was not asked a third time'
    })
  } finally {
    await model.stop()
  }
}
