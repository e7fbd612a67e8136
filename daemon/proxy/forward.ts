import { clientHeaders, send } from '../../providers/egress.ts'
import { VENDORS, type VendorName } from '../../providers/vendors.ts'
import type { Services } from '../services.ts'
import type { SentBody } from './body.ts'
import type { Outbound } from './caller.ts'
import type { Upstream } from './relay.ts'
import type { Target } from './target.ts'

/**
 * Sends a request to its provider, once: whoever repeats it pays for it.
 *
 * @throws EngramError as `send`
 */
export async function forward(
  request: Request,
  { vendor, path }: Target,
  { headers, query }: Outbound,
  body: SentBody,
  { config }: Services,
): Promise<Upstream> {
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (request.signal.aborted) abort()
  request.signal.addEventListener('abort', abort, { once: true })
  if (body.kind === 'stream' && body.lengthBytes !== null) {
    headers.set('content-length', String(body.lengthBytes))
  }
  const response = await send({
    url: addressOf(vendor, config[`providers.${vendor}.base_url`], path + query),
    method: request.method,
    headers,
    body: contentOf(body),
    signal: controller.signal,
    // Client and provider agree on how the bytes are packed; here they only pass.
    decompress: false,
    timeouts: { firstByteMs: config['proxy.first_byte_seconds'] * 1000 },
  })
  return { response, abort }
}

function contentOf(body: SentBody): Bun.BodyInit | null {
  switch (body.kind) {
    case 'none':
      return null
    case 'whole':
      return body.bytes
    case 'pieces':
      // Put together once, and not copied again when it is sent.
      return new Blob(body.pieces)
    case 'stream':
      return body.stream
  }
}

/**
 * Of Gemini's, the version that the client names counts: there are several, and they differ. A base that is
 * configured for OpenAI's dialect stands below the one for Google's own.
 */
function addressOf(vendor: VendorName, baseUrl: string, path: string): string {
  if (vendor !== 'gemini') return VENDORS[vendor].endpoint(baseUrl, path)
  const base = baseUrl.replace(/\/openai\/*$/, '')
  return VENDORS.gemini.endpoint(
    /^\/v\d/.test(path) ? base.replace(/\/v\d+\w*\/*$/, '') : base,
    path,
  )
}

/** The provider's headers for the client. To a HEAD the length is an answer, elsewhere it is framing. */
export function answerHeaders({ response }: Upstream, method: string): Headers {
  const headers = clientHeaders(response.headers)
  const length = response.headers.get('content-length')
  if (method === 'HEAD' && length !== null) headers.set('content-length', length)
  return headers
}
