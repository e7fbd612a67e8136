import { EngramError, type ErrorCode, messageOf } from '../memory/errors.ts'

/**
 * Calls across a worker boundary: an object of objects of async functions on one side, the same shape on the
 * other. Arguments and results are structured clones; errors keep their code, message and fix.
 */

type Call = Readonly<{ id: number; path: readonly [string, string]; args: readonly unknown[] }>
type WireError = Readonly<{
  code: ErrorCode | null
  message: string
  fix?: string
  stack?: string
}>
type Outcome = Readonly<{ id: number; value: unknown } | { id: number; error: WireError }>
type Opened = Readonly<{ opened: true } | { opened: false; error: WireError }>

type Api = Readonly<
  Record<string, Readonly<Record<string, (...args: never[]) => Promise<unknown>>>>
>

/** The worker's end: the first message opens the API, every later one is a call. */
export function serve<Options>(self: Worker, open: (options: Options) => Promise<Api>): void {
  const post = (message: Outcome | Opened) => self.postMessage(message)
  self.onmessage = async ({ data: options }: MessageEvent<Options>) => {
    try {
      const api = await open(options)
      self.onmessage = async ({ data: { id, path, args } }: MessageEvent<Call>) => {
        try {
          const method = api[path[0]]![path[1]]! as (...args: unknown[]) => Promise<unknown>
          post({ id, value: await method(...args) })
        } catch (error) {
          post({ id, error: toWire(error) })
        }
      }
      post({ opened: true })
    } catch (error) {
      post({ opened: false, error: toWire(error) })
    }
  }
}

/** The caller's end of a worker. */
export type Remote<T> = Readonly<{
  api: T
  /** Ends the worker: what waits is rejected with this error, and so is every later call. */
  end(error: Error): void
}>

/**
 * Starts the worker module and opens its API.
 *
 * @param options may come later than the thread, which starts and loads its module meanwhile
 * @param onCrash the worker ended by itself, and not by `end`
 * @throws what opening threw there, or what the options were rejected with; EngramError `unavailable` when the worker ended before it answered
 */
export async function startWorker<T>(
  module: string,
  options: unknown | Promise<unknown>,
  onCrash: (error: EngramError) => void,
): Promise<Remote<T>> {
  const worker = new Worker(module)
  const waiting = new Map<number, Settle>()
  let lastId = 0
  let failure: Error | null = null

  const end = (error: Error) => {
    if (failure) return
    failure = error
    worker.terminate()
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  const call = (path: Call['path'], args: readonly unknown[]) =>
    new Promise((resolve, reject) => {
      if (failure) {
        reject(failure)
        return
      }
      const id = ++lastId
      worker.postMessage({ id, path, args } satisfies Call)
      waiting.set(id, { resolve, reject })
    })

  await new Promise<void>((resolve, reject) => {
    let opened = false
    const crashed = (detail: string) => {
      if (failure) return
      const error = new EngramError('unavailable', `a storage thread ended: ${detail}`, {
        fix: 'engram stop, then engram serve',
      })
      end(error)
      if (opened) onCrash(error)
      else reject(error)
    }
    worker.addEventListener('error', (event) => crashed((event as ErrorEvent).message))
    worker.addEventListener('close', () => crashed('it exited'))
    worker.addEventListener('message', ({ data }: MessageEvent<Outcome | Opened>) => {
      if (!('opened' in data)) settle(waiting, data)
      else if (data.opened) {
        opened = true
        resolve()
      } else {
        const error = fromWire(data.error)
        end(error)
        reject(error)
      }
    })
    Promise.resolve(options).then(
      (given) => worker.postMessage(given),
      (error) => {
        end(error)
        reject(error)
      },
    )
  })
  return { api: proxyOf(call) as T, end }
}

type Settle = Readonly<{ resolve: (value: unknown) => void; reject: (error: Error) => void }>

function settle(waiting: Map<number, Settle>, outcome: Outcome): void {
  const call = waiting.get(outcome.id)
  if (!call) return
  waiting.delete(outcome.id)
  if ('error' in outcome) call.reject(fromWire(outcome.error))
  else call.resolve(outcome.value)
}

/** An object whose every property is an object whose every property is a function that calls. */
function proxyOf(call: (path: Call['path'], args: readonly unknown[]) => Promise<unknown>): object {
  const groups = new Map<string, object>()
  const group = (groupName: string) =>
    new Proxy(
      {},
      {
        get:
          (_target, name: string) =>
          (...args: unknown[]) =>
            call([groupName, name], args),
      },
    )
  return new Proxy(
    {},
    {
      get(_target, name: string) {
        // A promise of this object must not look like a promise itself.
        if (name === 'then') return undefined
        return groups.getOrInsertComputed(name, group)
      },
    },
  )
}

function toWire(error: unknown): WireError {
  if (error instanceof EngramError) {
    return { code: error.code, message: error.message, ...(error.fix ? { fix: error.fix } : {}) }
  }
  const stack = error instanceof Error ? error.stack : undefined
  return { code: null, message: messageOf(error), ...(stack ? { stack } : {}) }
}

function fromWire({ code, message, fix, stack }: WireError): Error {
  if (code) return new EngramError(code, message, fix ? { fix } : {})
  const error = new Error(message)
  if (stack) error.stack = stack
  return error
}
