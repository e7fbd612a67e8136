/** One thing to do for the script; see `sdk/python/bridge.py`. */
export type Command = Readonly<{ do: string; url: string; question: string; png: string }>

type Line = Readonly<{
  id: number
  piece?: string
  result?: unknown
  error?: Readonly<{ type: string; status: number | null; message: string }>
}>

/** A Python script that does one thing after the other. */
export type Bridge = Readonly<{
  /** @throws Error with the type of the script's exception as its name, its status and its message. */
  call(command: Command): Promise<unknown>
  stream(command: Command): AsyncGenerator<string, void>
  close(): Promise<void>
}>

/** Starts it at the first command. */
export function openBridge(argv: readonly string[], env: Readonly<Record<string, string>>): Bridge {
  let child: ReturnType<typeof start> | null = null
  let commands = 0

  async function* run(command: Command): AsyncGenerator<string, unknown> {
    child ??= start(argv, env)
    const id = ++commands
    child.send({ ...command, id })
    for (;;) {
      const line = await child.next()
      if (line.id !== id) throw new Error(`an answer to command ${line.id}, not to ${id}`)
      if (line.error) {
        const { type, status, message } = line.error
        throw Object.assign(new Error(message), { name: type, status })
      }
      if (line.piece === undefined) return line.result
      yield line.piece
    }
  }

  return {
    async call(command) {
      const running = run(command)
      for (;;) {
        const { done, value } = await running.next()
        if (done) return value
      }
    },
    async *stream(command) {
      yield* run(command)
    },
    close: async () => child?.close(),
  }
}

function start(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const child = Bun.spawn([...argv], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
    env,
  })
  const lines = readLines(child.stdout)
  return {
    send(command: object) {
      child.stdin.write(`${JSON.stringify(command)}\n`)
      child.stdin.flush()
    },
    async next(): Promise<Line> {
      const { done, value } = await lines.next()
      if (done) throw new Error(`${argv.join(' ')} ended with code ${await child.exited}`)
      return JSON.parse(value) as Line
    },
    async close() {
      child.stdin.end()
      await child.exited
    },
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield text.slice(0, end)
      text = text.slice(end + 1)
    }
  }
}
