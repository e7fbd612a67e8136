import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CATALOGUE, type CatalogueModel, catalogueModel, factsOf, sizeOf } from './catalogue.ts'
import { readChoice } from './choice.ts'
import { type DownloadProgress, downloadModel, isDownloaded } from './download.ts'
import type { plainSend } from './fixtures/embedding-server.ts'
import { rejectionOf } from './fixtures/rejection.ts'

const LARGE = randomBytes(900_000)
const SMALL = Buffer.from('{"model_type":"bert"}')
const CONTENT: Readonly<Record<string, Buffer>> = {
  'config.json': SMALL,
  'onnx/model.onnx': LARGE,
}
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const MODEL: CatalogueModel = {
  ...CATALOGUE[0]!,
  name: 'tiny',
  repository: 'somebody/tiny',
  commit: 'c'.repeat(40),
  files: Object.entries(CONTENT).map(([path, bytes]) => ({
    path,
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
  })),
}

type Asked = Readonly<{ path: string; range: string | null }>
/** What a request for a file is answered with, unless the server behaves. */
type Behaviour = (file: string, from: number, count: number) => Response | null

let folder: string
let server: ReturnType<typeof Bun.serve>
let asked: Asked[]
let behave: Behaviour
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engram-download-'))
  asked = []
  behave = () => null
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    reusePort: false,
    fetch(request) {
      const { pathname } = new URL(request.url)
      const range = request.headers.get('range')
      asked.push({ path: pathname, range })
      const file = pathname.split(`/resolve/${MODEL.commit}/`)[1] ?? pathname.slice('/cdn/'.length)
      const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
      const answer = behave(file, from, asked.length)
      if (answer) return answer
      const bytes = CONTENT[file]
      if (!bytes) return new Response('no such file', { status: 404 })
      return part(bytes, from)
    },
  })
})
afterEach(async () => {
  await server.stop(true)
  rmSync(folder, { recursive: true })
})

const baseUrl = () => `http://127.0.0.1:${server.port}`
const download = (more: Partial<Parameters<typeof downloadModel>[1]> = {}) =>
  downloadModel(MODEL, {
    folder,
    baseUrl: baseUrl(),
    send: plainGet,
    timing: { silenceMs: 5_000, retryMs: 1, tries: 3 },
    ...more,
  })
const plainGet: typeof plainSend = ({ url, timeouts: _, ...init }) =>
  fetch(url, { ...init, redirect: 'manual' })
const part = (bytes: Buffer, from: number, to = bytes.length) =>
  new Response(new Uint8Array(bytes.subarray(from, to)), {
    status: from > 0 ? 206 : 200,
    headers: from > 0 ? { 'content-range': `bytes ${from}-${to - 1}/${bytes.length}` } : {},
  })
/** Breaks off after some bytes, as a connection does. */
const broken = (bytes: Buffer, from: number, to: number) =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(bytes.subarray(from, to)))
        controller.close()
      },
    }),
    {
      status: from > 0 ? 206 : 200,
      headers: from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/*` } : {},
    },
  )
const expectWhole = () => {
  for (const [path, bytes] of Object.entries(CONTENT)) {
    expect(sha256(readFileSync(join(folder, path)))).toBe(sha256(bytes))
    expect(existsSync(join(folder, `${path}.part`))).toBe(false)
  }
  expect(isDownloaded(MODEL, folder)).toBe(true)
}

describe('a model by name', () => {
  test('is fetched from its commit, with progress, once', async () => {
    const progress: DownloadProgress[] = []
    expect(isDownloaded(MODEL, folder)).toBe(false)
    expect(await download({ onProgress: (step) => progress.push(step) })).toBe(folder)
    expectWhole()
    expect(asked.map(({ path }) => path)).toEqual([
      `/somebody/tiny/resolve/${MODEL.commit}/config.json`,
      `/somebody/tiny/resolve/${MODEL.commit}/onnx/model.onnx`,
    ])
    const total = SMALL.length + LARGE.length
    expect(progress.at(-1)).toEqual({ receivedBytes: total, totalBytes: total })
    const received = progress.map(({ receivedBytes }) => receivedBytes)
    expect(received).toEqual(received.toSorted((a, b) => a - b))
    await download()
    expect(asked).toHaveLength(2)
  })

  test('goes on where it broke off, however often', async () => {
    behave = (file, from) =>
      file === 'onnx/model.onnx' && from < 700_000 ? broken(LARGE, from, from + 100_000) : null
    await download()
    expectWhole()
    const ranges = asked.filter(({ path }) => path.endsWith('.onnx')).map(({ range }) => range)
    expect(ranges).toEqual([null, ...[1, 2, 3, 4, 5, 6, 7].map((n) => `bytes=${n}00000-`)])
  })

  test('goes on where another process was killed', async () => {
    mkdirSync(join(folder, 'onnx'), { recursive: true })
    writeFileSync(join(folder, 'onnx/model.onnx.part'), LARGE.subarray(0, 333_333))
    await download()
    expectWhole()
    expect(asked.at(-1)!.range).toBe('bytes=333333-')
  })

  test('begins anew with a server that knows no ranges', async () => {
    mkdirSync(join(folder, 'onnx'), { recursive: true })
    writeFileSync(join(folder, 'onnx/model.onnx.part'), 'something else')
    behave = (file) => (CONTENT[file] ? part(CONTENT[file], 0) : null)
    await download()
    expectWhole()
  })

  test('a whole part that was never renamed is checked and taken', async () => {
    mkdirSync(join(folder, 'onnx'), { recursive: true })
    writeFileSync(join(folder, 'onnx/model.onnx.part'), LARGE)
    await download()
    expectWhole()
    expect(asked).toHaveLength(1)
  })

  test('a part that is too long is thrown away', async () => {
    mkdirSync(join(folder, 'onnx'), { recursive: true })
    writeFileSync(join(folder, 'onnx/model.onnx.part'), Buffer.concat([LARGE, SMALL]))
    await download()
    expectWhole()
  })

  test('a file that was damaged later is fetched again', async () => {
    await download()
    truncateSync(join(folder, 'onnx/model.onnx'), 1_000)
    expect(isDownloaded(MODEL, folder)).toBe(false)
    await download()
    expectWhole()
    writeFileSync(join(folder, 'config.json'), SMALL.toString().replace('bert', 'tree'))
    await download()
    expectWhole()
  })

  test('redirects are followed, to a server near by', async () => {
    behave = (file, _, count) =>
      count % 2 === 1
        ? new Response(null, { status: 302, headers: { location: `/cdn/${file}` } })
        : null
    await download()
    expectWhole()
  })

  test('an overloaded server is asked again', async () => {
    behave = (_file, _from, count) => (count < 3 ? new Response('', { status: 503 }) : null)
    await download()
    expectWhole()
  })
})

describe('what cannot be fetched', () => {
  const nothingNamed = () => {
    for (const path of Object.keys(CONTENT)) expect(existsSync(join(folder, path))).toBe(false)
  }

  test('another file under the same name is refused and removed', async () => {
    const other = Buffer.from('{"model_type":"tree"}')
    behave = (file) => (file === 'config.json' ? part(other, 0) : null)
    expect(await rejectionOf(download())).toMatchObject({
      code: 'upstream',
      message: expect.stringMatching(/config\.json from 127.* is not the file it should be/),
    })
    nothingNamed()
    expect(existsSync(join(folder, 'config.json.part'))).toBe(false)
  })

  test.each([
    ['not there', () => new Response('', { status: 404 }), /answered 404/],
    ['always overloaded', () => new Response('', { status: 503 }), /answered 503/],
    ['too long', () => part(Buffer.concat([LARGE, LARGE]), 0), /is longer than 21 bytes/],
    [
      'redirected to a file',
      () => new Response(null, { status: 302, headers: { location: 'file:///etc/passwd' } }),
      /not https/,
    ],
    [
      'redirected in circles',
      () => new Response(null, { status: 302, headers: { location: '/again' } }),
      /in circles/,
    ],
  ])('%s: an error that says so', async (_, answer, message) => {
    behave = answer
    const error = await rejectionOf(download())
    expect(error).toMatchObject({ message: expect.stringMatching(message) })
    nothingNamed()
  })

  test('an encrypted address is not followed to one that is not', async () => {
    const error = await rejectionOf(
      download({
        baseUrl: 'https://models.example',
        send: async () =>
          new Response(null, { status: 302, headers: { location: 'http://models.example/x' } }),
      }),
    )
    expect(error).toMatchObject({ message: expect.stringContaining('not https') })
  })

  test('a server that falls silent is given up, and what came is kept', async () => {
    behave = (file) =>
      file === 'onnx/model.onnx'
        ? new Response(
            new ReadableStream({
              start: (controller) => controller.enqueue(new Uint8Array(LARGE.subarray(0, 1_000))),
            }),
          )
        : null
    const error = await rejectionOf(download({ timing: { silenceMs: 20, retryMs: 1, tries: 1 } }))
    expect(error).toMatchObject({
      message: expect.stringMatching(/sent nothing for 0\.02 seconds/),
    })
    expect(readFileSync(join(folder, 'onnx/model.onnx.part'))).toHaveLength(1_000)
  })

  test('cancelled, it ends at once and keeps what came', async () => {
    const controller = new AbortController()
    behave = (file, from) =>
      file === 'onnx/model.onnx' ? broken(LARGE, from, from + 50_000) : null
    const reason = new Error('no longer wanted')
    const error = await rejectionOf(
      download({
        signal: controller.signal,
        onProgress: ({ receivedBytes }) => {
          if (receivedBytes > 60_000) controller.abort(reason)
        },
      }),
    )
    expect(error).toBe(reason)
    expect(existsSync(join(folder, 'onnx/model.onnx.part'))).toBe(true)
  })

  test('offline, it says what can be done without a network', async () => {
    const { EngramError } = await import('../memory/errors.ts')
    const error = await rejectionOf(
      download({
        send: async () => {
          throw new EngramError('upstream', 'cannot reach huggingface.co:443: no such host name', {
            fix: 'check the base URL and the network',
          })
        },
      }),
    )
    expect(error).toMatchObject({
      code: 'upstream',
      message: expect.stringContaining('cannot reach huggingface.co:443'),
      fix: expect.stringContaining('engram embeddings use FOLDER'),
    })
  })
})

describe('through a proxy', () => {
  test('the proxy of the environment is used', async () => {
    const seen: string[] = []
    const proxy = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      reusePort: false,
      fetch(request) {
        seen.push(request.url)
        const file = request.url.split(`/resolve/${MODEL.commit}/`)[1]!
        return part(CONTENT[file]!, 0)
      },
    })
    const script = join(folder, 'fetch.ts')
    const here = dirname(import.meta.path)
    writeFileSync(
      script,
      `import { downloadModel } from '${here}/download.ts'
       import { plainSend } from '${here}/fixtures/embedding-server.ts'
       await downloadModel(${JSON.stringify(MODEL)}, {
         folder: ${JSON.stringify(join(folder, 'model'))},
         baseUrl: 'http://models.example',
         send: ({ url, timeouts: _, ...init }) => fetch(url, { ...init, redirect: 'manual' }),
       })`,
    )
    const child = Bun.spawn([process.execPath, script], {
      env: { PATH: process.env.PATH ?? '', HTTP_PROXY: `http://127.0.0.1:${proxy.port}` },
      stderr: 'pipe',
    })
    const code = await child.exited
    const complaint = await new Response(child.stderr).text()
    await proxy.stop(true)
    expect({ code, complaint }).toEqual({ code: 0, complaint: '' })
    expect(seen).toHaveLength(2)
    expect(seen[0]).toStartWith('http://models.example/somebody/tiny/resolve/')
    expect(isDownloaded(MODEL, join(folder, 'model'))).toBe(true)
  })
})

describe('the catalogue', () => {
  test.each(CATALOGUE.map((model) => [model.name, model] as const))(
    '%s is complete',
    (name, model) => {
      expect(model.commit).toMatch(/^[0-9a-f]{40}$/)
      const paths = model.files.map(({ path }) => path)
      expect(paths).toContain('tokenizer.json')
      expect(paths).toContain('config.json')
      expect(paths.filter((path) => path.endsWith('.onnx'))).toHaveLength(1)
      for (const file of model.files) {
        expect(file.sha256).toMatch(/^[0-9a-f]{64}$/)
        expect(file.sizeBytes).toBeGreaterThan(100)
      }
      expect(sizeOf(model)).toBeGreaterThan(30_000_000)
      expect(readChoice(name)).toEqual({ kind: 'named', name })
      expect(factsOf(catalogueModel(name)!).pooling).toEqual([model.pooling])
    },
  )

  test('the models that want prefixes get them', () => {
    const prefixes = CATALOGUE.map((model) => {
      const { queryPrefix, documentPrefix } = factsOf(model)
      return [model.name, queryPrefix, documentPrefix]
    })
    const bge = 'Represent this sentence for searching relevant passages: '
    expect(prefixes).toEqual([
      ['bge-small-en-v1.5', bge, ''],
      ['bge-base-en-v1.5', bge, ''],
      ['nomic-embed-text-v1.5', 'search_query: ', 'search_document: '],
      ['multilingual-e5-small', 'query: ', 'passage: '],
      ['multilingual-e5-base', 'query: ', 'passage: '],
    ])
  })
})
