import { Database } from 'bun:sqlite'
import { equal, match, notEqual } from 'node:assert/strict'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type Served, until } from '../../daemon/fixtures/executable.ts'
import type { Part } from './report.ts'

/** Storage in trouble costs memory, never an answer. */
export const trouble: Part = async ({ step, open }) => {
  const install = await open({ ENGRAM_LOG_LEVEL: 'silent' })
  const file = join(install.dataDir, 'engram.db')
  let served = await install.serve({ args: ['--demo'] })
  const sister = 'My sister is called Nadia.'
  await chat(served, sister)

  let kept = ''
  await step('another process holds the database for writing: answered all the same', async () => {
    const intruder = new Database(file)
    intruder.exec('pragma busy_timeout = 10000')
    intruder.exec('begin immediate')
    try {
      const answer = await chat(served, 'I live in Porto.')
      equal(answer.status, 200)
      match(answer.text, /demo answer/)
      equal((await served.ask('GET', `/conversations/${answer.conversation}`)).status, 404)
      kept = answer.conversation
      return `answered after ${answer.ms} ms; the exchange is not kept yet, reads go on`
    } finally {
      intruder.exec('rollback')
      intruder.close()
    }
  })
  await step('it lets go: the exchange is kept', async () => {
    await until('it is kept', async () => (await served.ask('GET', `/conversations/${kept}`)).ok)
    return kept
  })
  await step('the database is gone from under it: answered, memory skipped', async () => {
    truncateSync(file, 0)
    truncateSync(`${file}-wal`, 0)
    const answer = await chat(served, 'What is my sister called?')
    equal(answer.status, 200)
    match(answer.text, /I was given no memory/)
    match(answer.memory, /^skipped; reason=/)
    equal(answer.injected, 0)
    return `X-Engram-Memory: ${answer.memory}; ready: ${(await served.ask('GET', '/ready')).status}`
  })
  await step('what is left of it is refused at the next start, and left alone', async () => {
    await served.kill()
    await Bun.write(file, 'no database at all'.repeat(1_000))
    const starting = await install.serve().then(
      () => 'it started',
      (error: Error) => error.message,
    )
    notEqual(starting, 'it started')
    equal((await Bun.file(file).text()).slice(0, 18), 'no database at all')
    return starting.trim().replace(/\s+/g, ' ').slice(0, 300)
  })
  await step('in an empty home all is well again', async () => {
    const other = await open()
    served = await other.serve({ args: ['--demo'] })
    await chat(served, sister)
    const answer = await chat(served, 'What is my sister called?')
    equal(answer.injected, 1)
    return `X-Engram-Memory: ${answer.memory}`
  })
}

async function chat(served: Served, content: string) {
  const started = performance.now()
  const answer = await served.ask('POST', '/v1/chat', {
    model: 'demo',
    messages: [{ role: 'user', content }],
  })
  return {
    status: answer.status,
    text: await answer.text(),
    injected: Number(answer.headers.get('x-engram-memories-injected')),
    memory: answer.headers.get('x-engram-memory') ?? '',
    conversation: answer.headers.get('x-engram-conversation-id') ?? '',
    ms: Math.round(performance.now() - started),
  }
}
