import { parseJson, readBytes } from '../body.ts'

/** A captured exchange, every character escaped, fits in. */
const MAX_BYTES = 1024 * 1024

/** The body of a request as JSON. @throws EngramError `too_large`, `malformed` */
export async function readMessage(request: Request): Promise<unknown> {
  return parseJson(await readBytes(request, MAX_BYTES))
}
