import { readFileSync } from 'node:fs'
import { EngramError } from '../memory/errors.ts'

export type FloatTensor = Readonly<{ shape: readonly number[]; data: Float32Array }>

/** A header is a few hundred bytes; what claims more is no such file. */
const MAX_HEADER_BYTES = 1 << 20

/**
 * The tensors of a `.safetensors` file (github.com/huggingface/safetensors, "Format"): eight bytes with the
 * length of a JSON header, the header, the numbers.
 *
 * @throws EngramError `invalid` naming the file: cut short, another format, or numbers of another kind
 */
export function readSafetensors(path: string): ReadonlyMap<string, FloatTensor> {
  const wrong = (how: string) => new EngramError('invalid', `${path} ${how}`)
  const bytes = readFileSync(path)
  const headerBytes = bytes.length < 8 ? MAX_HEADER_BYTES : Number(bytes.readBigUInt64LE(0))
  if (headerBytes >= MAX_HEADER_BYTES || 8 + headerBytes > bytes.length) {
    throw wrong('is cut short, or no safetensors file')
  }
  let header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes))
  } catch {
    throw wrong('is no safetensors file')
  }
  const tensors = new Map<string, FloatTensor>()
  for (const [name, tensor] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [from, to] = tensor.data_offsets
    const raw = bytes.subarray(8 + headerBytes + from, 8 + headerBytes + to)
    if (raw.length !== to - from) throw wrong('is cut short')
    const data = toFloats(raw, tensor.dtype)
    if (data === null) throw wrong(`has numbers of the type ${tensor.dtype}, which is not read`)
    if (data.length !== tensor.shape.reduce((a, b) => a * b, 1)) {
      throw wrong(`contradicts itself about the size of ${name}`)
    }
    tensors.set(name, { shape: tensor.shape, data })
  }
  return tensors
}

function toFloats(raw: Buffer, type: string): Float32Array | null {
  // A copy, which begins at an even address whatever the header's length was.
  const copy = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength) as ArrayBuffer
  switch (type) {
    case 'F32':
      return new Float32Array(copy)
    case 'F16':
      return Float32Array.from(new Float16Array(copy))
    case 'BF16': {
      // The upper half of a 32-bit float.
      const wide = Uint32Array.from(new Uint16Array(copy), (half) => half << 16)
      return new Float32Array(wide.buffer)
    }
    default:
      return null
  }
}
