import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Embedder } from '../memory/ports.ts'
import { testEmbedder } from './embedder.contract.ts'
import { PATHS, readReference } from './fixtures/paths.ts'
import { rejectionOf } from './fixtures/rejection.ts'
import { openMiniLm } from './minilm.ts'
import { defaultEmbedderName } from './open.ts'
import { cosine } from './vector.ts'

const LONG = 'The user prefers tabs over spaces in every language but Python. '.repeat(40)
/** Seconds of work, on a machine that may have other work too. */
const PATIENCE_MS = 60_000
const WORKER = new URL('./fixtures/mortal.worker.ts', import.meta.url).href

describe.skipIf(defaultEmbedderName(process) !== 'minilm')('minilm', () => {
  testEmbedder('minilm', () => openMiniLm(PATHS))

  describe('at work', () => {
    let embedder: Embedder
    beforeAll(() => {
      embedder = openMiniLm(PATHS)
    })
    afterAll(() => embedder.close())

    test('a call made before it has loaded waits', async () => {
      expect(embedder.state()).toEqual({ status: 'loading' })
      expect(await embedder.embedQuery('tea')).toHaveLength(384)
      expect(embedder.state()).toEqual({ status: 'ready' })
    })

    test('gives the reference vectors, as near as int8 weights can', async () => {
      for (const { text, vector } of readReference('all-MiniLM-L6-v2')) {
        expect(cosine(await embedder.embedQuery(text), vector)).toBeGreaterThanOrEqual(0.98)
      }
    })

    test('128 tokens of a document are read, 256 of a query', async () => {
      const beginning = 'tea '.repeat(126)
      const [alone, longer] = await embedder.embedDocuments([beginning, `${beginning} and cake`])
      expect(longer).toEqual(alone!)
      const query = await embedder.embedQuery(`${beginning} and cake`)
      expect(cosine(query, await embedder.embedQuery(beginning))).toBeLessThan(0.999)
      const whole = 'tea '.repeat(254)
      expect(await embedder.embedQuery(`${whole} and cake`)).toEqual(
        await embedder.embedQuery(whole),
      )
    })

    test('who cannot wait behind other queries is told so at once, and nobody else is', async () => {
      await embedder.embedQuery('milk?')
      const others = Array.from({ length: 40 }, (_, i) => embedder.embedQuery(`tea number ${i}?`))
      expect(await rejectionOf(embedder.embedQuery('coffee?', undefined, 1))).toMatchObject({
        code: 'timeout',
        message: expect.stringMatching(/^40 others are before it/),
      })
      expect(await Promise.all(others)).toHaveLength(40)
      expect(await embedder.embedQuery('coffee?', undefined, 1)).toHaveLength(384)
    })

    test(
      'a query overtakes 200 long documents',
      async () => {
        const order: string[] = []
        const documents = Array.from({ length: 200 }, async (_, i) => {
          await embedder.embedDocuments([LONG])
          order.push(`document ${i}`)
        })
        await documents[0]
        await embedder.embedQuery('tabs or spaces?')
        order.push('query')
        await Promise.all(documents)
        // Those that ended while the query was on its way.
        expect(order.indexOf('query')).toBeLessThan(10)
        expect(order.filter((name) => name !== 'query')).toEqual(
          Array.from({ length: 200 }, (_, i) => `document ${i}`),
        )
      },
      PATIENCE_MS,
    )

    test(
      'a query overtakes the rest of a batch',
      async () => {
        let batchIsDone = false
        const batch = embedder.embedDocuments(Array(200).fill(LONG)).then(() => {
          batchIsDone = true
        })
        await embedder.embedQuery('tabs or spaces?')
        expect(batchIsDone).toBe(false)
        await batch
      },
      PATIENCE_MS,
    )

    test(
      'cancelled work leaves the queue',
      async () => {
        const controller = new AbortController()
        // Half a minute of work, were it done.
        const documents = embedder.embedDocuments(Array(4_000).fill(LONG), controller.signal)
        const query = embedder.embedQuery('never mind', controller.signal)
        controller.abort(new Error('no longer wanted'))
        expect(await rejectionOf(documents)).toBe(controller.signal.reason)
        expect(await rejectionOf(query)).toBe(controller.signal.reason)
        expect(await embedder.embedDocuments(['next'])).toHaveLength(1)
      },
      PATIENCE_MS,
    )
  })

  describe('a load that fails says why, in one line, and rejects what waits', () => {
    const folder = mkdtempSync(join(tmpdir(), 'engram-embed-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    const write = (name: string, content: string | Uint8Array) => {
      const path = join(folder, name)
      writeFileSync(path, content)
      return path
    }
    const half = readFileSync(PATHS.modelPath).subarray(0, 11_000_000)

    test.each([
      ['missing model', { modelPath: '/nowhere/model.onnx' }, /ENOENT/],
      ['truncated model', { modelPath: write('half.onnx', half) }, /half\.onnx is damaged/],
      ['another file', { modelPath: PATHS.tokenizerPath }, /tokenizer\.json is damaged or another/],
      ['missing tokenizer', { tokenizerPath: '/nowhere/tokenizer.json' }, /ENOENT/],
      ['missing addon', { addonPath: '/nowhere/onnxruntime_binding.node' }, /nowhere/],
      ['no addon', { addonPath: write('text.node', 'not a library') }, /text\.node/],
      ['no build of onnxruntime', { addonPath: null }, /no build/],
      ['missing worker', { workerUrl: 'file:///nowhere/onnx.worker.ts' }, /nowhere/],
    ])('%s', async (_, wrong, reason) => {
      const embedder = openMiniLm({ ...PATHS, ...wrong })
      const refusal = { code: 'unavailable', message: expect.stringMatching(reason) }
      const waiting = [embedder.embedQuery('tea'), embedder.embedDocuments(['tea'])]
      const errors = await Promise.all(waiting.map(rejectionOf))
      expect(errors).toEqual([expect.objectContaining(refusal), expect.objectContaining(refusal)])
      await embedder.whenLoaded()
      expect(embedder.state()).toEqual({
        status: 'failed',
        reason: expect.stringMatching(/^[^\n]+$/),
      })
      await embedder.close()
    })
  })

  describe('closing', () => {
    test.each([
      ['while it loads', false],
      ['while it works', true],
    ])('%s rejects what waits', async (_, loaded) => {
      const embedder = openMiniLm(PATHS)
      if (loaded) await embedder.whenLoaded()
      const waiting = [
        embedder.embedDocuments(Array(100).fill(LONG)),
        embedder.embedQuery('tabs or spaces?'),
      ]
      const errors = Promise.all(waiting.map(rejectionOf))
      await embedder.close()
      const refusal = expect.objectContaining({ code: 'unavailable' })
      expect(await errors).toEqual([refusal, refusal])
      await embedder.whenLoaded()
      expect(embedder.state().status).toBe('failed')
    })
  })

  test('closing at any moment of the load ends in order', async () => {
    const program = new URL('./fixtures/close-early.ts', import.meta.url).pathname
    for (let afterMs = 0; afterMs < 120; afterMs += 10) {
      const child = Bun.spawn([process.execPath, program, String(afterMs)], { stderr: 'pipe' })
      const [code, log] = await Promise.all([child.exited, new Response(child.stderr).text()])
      expect({ afterMs, code, log }).toEqual({ afterMs, code: 0, log: '' })
    }
  }, 60_000)

  describe('a worker that dies', () => {
    const open = () => openMiniLm({ ...PATHS, workerUrl: WORKER, restartDelaysMs: [1, 1, 1] })

    test.each(['throw', 'exit'])('(%s) rejects what it had and is started again', async (text) => {
      const embedder = open()
      await embedder.whenLoaded()
      const waiting = [embedder.embedDocuments([text]), embedder.embedDocuments([LONG])]
      const refusal = expect.objectContaining({ code: 'unavailable' })
      expect(await Promise.all(waiting.map(rejectionOf))).toEqual([refusal, refusal])
      expect(embedder.state()).toEqual({ status: 'loading' })
      expect(await embedder.embedQuery('tea')).toHaveLength(384)
      expect(embedder.state()).toEqual({ status: 'ready' })
      await embedder.close()
    })

    test('is given up after three restarts', async () => {
      const embedder = open()
      for (let deaths = 0; deaths < 4; deaths++) {
        await embedder.whenLoaded()
        expect(embedder.state()).toEqual({ status: 'ready' })
        expect(await rejectionOf(embedder.embedDocuments(['throw']))).toMatchObject({
          message: 'the embedder minilm is not available: killed by its text',
        })
      }
      expect(embedder.state()).toEqual({ status: 'failed', reason: 'killed by its text' })
    })

    test('is not started again once it was closed', async () => {
      const embedder = open()
      await embedder.whenLoaded()
      await rejectionOf(embedder.embedDocuments(['throw']))
      await embedder.close()
      await Bun.sleep(500)
      expect(embedder.state()).toEqual({ status: 'failed', reason: 'it was closed' })
    })
  })
})
