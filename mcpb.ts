/**
 * A bundle that Claude Desktop installs by a double click: a zip with the executable and a manifest.
 *
 * Manifest version 0.3 of the MCPB specification (github.com/modelcontextprotocol/mcpb, MANIFEST.md; read
 * 2026-11-25). 0.4 adds Python by uv, which is nothing to us, and older clients refuse what they do not know.
 */
import { zipSync } from 'fflate'

const MANIFEST_VERSION = '0.3'

export type Bundled = Readonly<{
  /** Platform of the executable, as `build.ts` names targets. */
  target: string
  version: string
  executable: Uint8Array
  license: Uint8Array
}>

/** @returns the bytes of the bundle; the same input gives the same bytes */
export function bundle({ target, version, executable, license }: Bundled): Uint8Array {
  const program = `server/engram${target.startsWith('windows') ? '.exe' : ''}`
  const manifest = new TextEncoder().encode(
    `${JSON.stringify(manifestOf(target, version, program), null, 2)}\n`,
  )
  const file = (mode: number) =>
    // Made on Unix, with the mode in the upper half: the client sets what it finds (APPNOTE.TXT, 4.4.15).
    ({
      os: 3,
      attrs: ((0o100000 | mode) << 16) >>> 0,
      mtime: new Date('2026-01-01T00:00:00'),
    }) as const
  return zipSync(
    {
      'manifest.json': [manifest, file(0o644)],
      LICENSE: [license, file(0o644)],
      [program]: [executable, file(0o755)],
    },
    { level: 6 },
  )
}

const PLATFORMS: Readonly<Record<string, string>> = {
  linux: 'linux',
  darwin: 'darwin',
  windows: 'win32',
}

export function manifestOf(target: string, version: string, program: string) {
  const os = target.split('-')[0]!
  return {
    manifest_version: MANIFEST_VERSION,
    name: 'engram',
    display_name: 'Engram',
    version,
    description: 'Remembers what you said in earlier conversations, on this machine',
    long_description:
      'Gives the assistant tools to search, add, correct and forget memories. Everything is kept in a database on this machine; nothing is sent anywhere. Other clients that use Engram share the same memories.',
    author: { name: 'Engram' },
    license: 'MIT',
    keywords: ['memory', 'local'],
    server: {
      type: 'binary',
      entry_point: program,
      mcp_config: {
        // The client puts the folder of the bundle in.
        command: `\${__dirname}/${program}`,
        args: ['mcp', '--stdio'],
        env: {},
      },
    },
    tools_generated: true,
    compatibility: { platforms: [PLATFORMS[os]!] },
  }
}
