import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { unzipSync } from 'fflate'
import { until } from './cli/fixtures/harness.ts'
import { isRunning, locateDaemon } from './cli/locate.ts'
import { manifestOf } from './mcpb.ts'

setDefaultTimeout(300_000)

const root = import.meta.dir
const target = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
const home = mkdtempSync(join(tmpdir(), 'engram-mcpb-'))
const unpacked = join(home, 'extension')

/** Of each file in a zip, the mode that its central directory gives (APPNOTE.TXT, 4.3.12). */
function modesOf(zip: Buffer): Map<string, number> {
  const modes = new Map<string, number>()
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameBytes, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset))
    const name = zip.subarray(at + 46, at + 46 + nameBytes!).toString('utf8')
    modes.set(name, (zip.readUInt32LE(at + 38) >>> 16) & 0o7777)
    at += 46 + nameBytes! + extra! + comment!
  }
  return modes
}

beforeAll(() => {
  const built = Bun.spawnSync([process.execPath, 'build.ts', '--if-stale', '--mcpb'], { cwd: root })
  if (built.exitCode !== 0) throw new Error(built.stderr.toString())
  const zip = readFileSync(join(root, `dist/engram-${target}.mcpb`))
  const modes = modesOf(zip)
  for (const [name, bytes] of Object.entries(unzipSync(zip))) {
    const path = join(unpacked, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
    chmodSync(path, modes.get(name)!)
  }
})

const daemon = () => locateDaemon({ daemonFile: join(home, 'state/engram/daemon.json') })

afterAll(async () => {
  const running = daemon()
  if (running) {
    process.kill(running.pid, 'SIGTERM')
    await until(() => !isRunning(running.pid))
  }
  rmSync(home, { recursive: true, force: true })
})

type Manifest = ReturnType<typeof manifestOf>

test('the bundle, unpacked, starts by its own manifest and lists its tools', async () => {
  const manifest = JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as Manifest
  expect(manifest).toMatchObject({
    manifest_version: '0.3',
    name: 'engram',
    server: { type: 'binary' },
    compatibility: { platforms: [process.platform] },
  })
  const { entry_point: entry, mcp_config: config } = manifest.server
  expect(statSync(join(unpacked, entry)).mode & 0o111).toBe(0o111)
  expect(existsSync(join(unpacked, 'LICENSE'))).toBe(true)
  const client = new Client(
    { name: 'bundle', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(
    new StdioClientTransport({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as the manifest writes it
      command: config.command.replace('${__dirname}', unpacked),
      args: config.args,
      env: {
        HOME: home,
        PATH: '/usr/bin:/bin',
        XDG_STATE_HOME: join(home, 'state'),
        ENGRAM_PORT: '0',
      },
      cwd: '/',
    }),
  )
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toContain('search_memories')
  // It starts a daemon for the first call: to be ended, it has to be there.
  await until(() => daemon() !== null)
  await client.close()
})

test('the manifest of each platform names its own program', () => {
  expect(manifestOf('windows-x64', '1.2.3', 'server/engram.exe')).toMatchObject({
    version: '1.2.3',
    server: { entry_point: 'server/engram.exe' },
    compatibility: { platforms: ['win32'] },
  })
  expect(manifestOf('darwin-arm64', '1.2.3', 'server/engram').compatibility.platforms).toEqual([
    'darwin',
  ])
})
