import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EngramError, messageOf } from '../memory/errors.ts'
import { type CatalogueFile, type CatalogueModel, sizeOf } from './catalogue.ts'
import { sha256Of } from './model-file.ts'
import type { Send } from './remote.ts'

export type DownloadProgress = Readonly<{ receivedBytes: number; totalBytes: number }>

export type DownloadOptions = Readonly<{
  /** Where the files go; below it they lie as in the repository. */
  folder: string
  /** https://huggingface.co, or what stands in for it. */
  baseUrl: string
  send: Send
  onProgress?: (progress: DownloadProgress) => void
  signal?: AbortSignal
  timing?: Partial<DownloadTiming>
}>

export type DownloadTiming = Readonly<{
  /** A connection on which nothing comes for so long is given up. */
  silenceMs: number
  retryMs: number
  tries: number
}>

const TIMING: DownloadTiming = { silenceMs: 30_000, retryMs: 1_000, tries: 5 }
const MAX_REDIRECTS = 5
/** How often progress is told: bytes come in pieces of a few kilobytes. */
const PROGRESS_BYTES = 1 << 18

/**
 * Fetches what is missing of a model. What was fetched of a file before, by this process or one that was
 * killed, is kept and gone on with. A file takes its name only when it is whole and its SHA-256 is right.
 *
 * @throws EngramError `upstream` when it cannot be fetched, is another file or the signal's reason;
 *   `storage_full` when the disk is full.
 */
export async function downloadModel(
  model: CatalogueModel,
  options: DownloadOptions,
): Promise<string> {
  const totalBytes = sizeOf(model)
  let before = 0
  for (const file of model.files) {
    const path = join(options.folder, file.path)
    const report = (received: number) =>
      options.onProgress?.({ receivedBytes: before + received, totalBytes })
    if (!isWhole(path, file)) {
      const url = `${options.baseUrl.replace(/\/+$/, '')}/${model.repository}/resolve/${model.commit}/${file.path}`
      await downloadFile(url, path, file, options, report)
    }
    before += file.sizeBytes
    report(0)
  }
  return options.folder
}

/** Are all files of a model there? Their content is checked when it is fetched and when it is opened. */
export function isDownloaded(model: CatalogueModel, folder: string): boolean {
  return model.files.every(({ path, sizeBytes }) => sizeAt(join(folder, path)) === sizeBytes)
}

function isWhole(path: string, { sizeBytes, sha256 }: CatalogueFile): boolean {
  return sizeAt(path) === sizeBytes && sha256Of(path) === sha256
}

async function downloadFile(
  url: string,
  path: string,
  file: CatalogueFile,
  options: DownloadOptions,
  report: (received: number) => void,
): Promise<void> {
  const { signal } = options
  const { tries, retryMs } = { ...TIMING, ...options.timing }
  const partial = `${path}.part`
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // A remainder that is too long is of something else.
  if (sizeAt(partial) > file.sizeBytes) rmSync(partial)
  for (let attempt = 1; sizeAt(partial) < file.sizeBytes; attempt++) {
    const had = sizeAt(partial)
    try {
      await fetchInto(url, partial, file, options, report)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (!(error instanceof Interrupted)) throw error
      // What made progress was no failed attempt.
      if (sizeAt(partial) > had) attempt = 0
      if (attempt >= tries) throw error
      await Bun.sleep(retryMs * 2 ** attempt)
      if (signal?.aborted) throw signal.reason
    }
  }
  const actual = sha256Of(partial)
  if (actual !== file.sha256) {
    rmSync(partial)
    throw new EngramError(
      'upstream',
      `${file.path} from ${hostOf(url)} is not the file it should be: its SHA-256 begins ${actual.slice(0, 16)}, not ${file.sha256.slice(0, 16)}; it was removed`,
      { fix: 'try again; if it stays so, something on the way changes files' },
    )
  }
  renameSync(partial, path)
}

/** It broke off, or the server was not there: what has come so far is gone on with. */
class Interrupted extends EngramError {}

async function fetchInto(
  url: string,
  partial: string,
  { path, sizeBytes }: CatalogueFile,
  options: DownloadOptions,
  report: (received: number) => void,
): Promise<void> {
  const { silenceMs } = { ...TIMING, ...options.timing }
  const silence = new AbortController()
  const fallsSilent = () => setTimeout(() => silence.abort(), silenceMs)
  let timer = fallsSilent()
  const signal = options.signal ? AbortSignal.any([options.signal, silence.signal]) : silence.signal
  let target: FileHandle | null = null
  try {
    const had = sizeAt(partial)
    const response = await follow(url, had, options.send, signal, silenceMs)
    const isRest = response.status === 206 && startOf(response.headers) === had
    // Without ranges, or with another one than was asked for, it begins anew.
    target = await open(partial, isRest ? 'a' : 'w', 0o600)
    let received = isRest ? had : 0
    let reported = received
    report(received)
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      timer = fallsSilent()
      received += chunk.byteLength
      if (received > sizeBytes) {
        await target.truncate(0)
        throw new EngramError(
          'upstream',
          `${path} from ${hostOf(url)} is longer than ${sizeBytes} bytes: it is another file`,
        )
      }
      await target.writeFile(chunk)
      if (received - reported >= PROGRESS_BYTES || received === sizeBytes) {
        report(received)
        reported = received
      }
    }
    if (received < sizeBytes) {
      throw new Interrupted(
        'upstream',
        `${hostOf(url)} broke off after ${received} of ${sizeBytes} bytes of ${path}`,
      )
    }
  } catch (error) {
    if (silence.signal.aborted) {
      throw new Interrupted(
        'upstream',
        `${hostOf(url)} sent nothing for ${silenceMs / 1000} seconds`,
      )
    }
    if ((error as { code?: unknown }).code === 'ENOSPC') {
      throw new EngramError('storage_full', `the disk is full; ${path} needs ${sizeBytes} bytes`, {
        cause: error,
        fix: 'free some space, then try again: what has come so far is kept',
      })
    }
    if (error instanceof EngramError) {
      if (error.code !== 'upstream' && error.code !== 'timeout') throw error
      throw error instanceof Interrupted || error.fix === undefined ? error : interrupted(error)
    }
    throw new Interrupted('upstream', `${hostOf(url)} broke off: ${messageOf(error)}`, {
      cause: error,
    })
  } finally {
    clearTimeout(timer)
    await target?.close()
  }
}

/** Not reached at all: says what can be done without a network. */
function interrupted(error: EngramError): Interrupted {
  return new Interrupted('upstream', error.message, {
    cause: error,
    fix: `${error.fix}; without one: set embedding.download_url to a mirror, or engram embeddings use FOLDER`,
  })
}

/**
 * Follows redirects, as downloads are handed to servers near by. They carry no credential that could leak;
 * an encrypted address is never followed to one that is not.
 */
async function follow(
  url: string,
  from: number,
  send: Send,
  signal: AbortSignal,
  silenceMs: number,
): Promise<Response> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  if (from > 0) headers.range = `bytes=${from}-`
  let at = url
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await send({
      url: at,
      method: 'GET',
      headers,
      signal,
      timeouts: { firstByteMs: silenceMs },
    })
    const location = response.headers.get('location')
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel()
      const next = URL.parse(location, at)
      const allowed = new URL(at).protocol === 'https:' ? ['https:'] : ['http:', 'https:']
      if (next === null || !allowed.includes(next.protocol)) {
        throw new EngramError('upstream', `${hostOf(at)} redirects to an address that is not https`)
      }
      at = next.href
      continue
    }
    if (response.status === 200 || response.status === 206) return response
    await response.body?.cancel()
    const message = `${hostOf(at)} answered ${response.status} for ${new URL(url).pathname}`
    const mayPass = response.status === 429 || response.status >= 500
    throw mayPass ? new Interrupted('upstream', message) : new EngramError('upstream', message)
  }
  throw new EngramError('upstream', `${hostOf(url)} redirects in circles`)
}

function startOf(headers: Headers): number | null {
  const range = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')
  return range ? Number(range[1]) : null
}

function sizeAt(path: string): number {
  return existsSync(path) ? statSync(path).size : 0
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'the server'
}
