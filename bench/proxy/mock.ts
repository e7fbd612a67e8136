/**
 * Providers that cost as little as they can, in a process of their own, on two ports so that one can be
 * measured against the other. Prints both addresses as JSON; ends when its input does.
 *
 * A streamed answer has 64 frames; the name that stands in the request stands in each of them. `x-frame-ms` of
 * the request says how far apart they are.
 */
import { dialectOf } from '../../daemon/proxy/rig/dialects.ts'

const FRAMES = 64
const TEXT = 'All happy families are alike. '.repeat(34)
const recorded: string[] = []
let isRecording = false

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/recorded') {
    isRecording = request.method === 'POST'
    return Response.json(recorded.splice(0))
  }
  const body = await request.text()
  if (isRecording) recorded.push(body)
  const dialect = dialectOf(pathname)
  const isStream = body.includes('"stream":true') || pathname.endsWith(':streamGenerateContent')
  if (!isStream) {
    const headers = { 'content-type': 'application/json' }
    return new Response(
      wholeOf(pathname, () => JSON.stringify(dialect.whole(TEXT))),
      { headers },
    )
  }
  const name = /stream-\d+/.exec(body)?.[0] ?? 'stream-0'
  const frames = dialect.frames(Array.from({ length: FRAMES }, (_, i) => `${name} ${i} `))
  const frameMs = Number(request.headers.get('x-frame-ms') ?? '5')
  return new Response(paced(frames, frameMs), { headers: { 'content-type': dialect.streamType } })
}

/** Made once for each path: the mock must not be what is measured. */
const wholes = new Map<string, string>()
function wholeOf(path: string, make: () => string): string {
  return wholes.getOrInsertComputed(path, make)
}

async function* paced(frames: readonly string[], frameMs: number) {
  const encoder = new TextEncoder()
  for (const [i, frame] of frames.entries()) {
    if (i > 0) await Bun.sleep(frameMs)
    yield encoder.encode(frame)
  }
}

const servers = [0, 0].map((port) =>
  Bun.serve({ hostname: '127.0.0.1', port, idleTimeout: 0, fetch: answer }),
)
console.log(JSON.stringify(servers.map(({ url }) => url.origin)))
for await (const _ of Bun.stdin.stream());
process.exit(0)
