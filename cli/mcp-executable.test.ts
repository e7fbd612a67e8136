import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, openHome } from './fixtures/harness.ts'
import { GENERATIONS } from './fixtures/mcp-clients.ts'

setDefaultTimeout(60_000)

const executable = join(
  import.meta.dir,
  '../dist',
  process.platform === 'win32' ? 'engram.exe' : 'engram',
)
const home = openHome()
const folder = mkdtempSync(join(tmpdir(), 'engram-hostile-'))
afterAll(async () => {
  await home.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Whatever of the folder runs leaves a trace, and so does whatever of it is read. */
function fillWithTraps(folder: string): void {
  const trace = (name: string) =>
    `require('node:fs').writeFileSync(${JSON.stringify(join(folder, `ran-${name}`))}, '')\n`
  const file = (name: string, text: string) => writeFileSync(join(folder, name), text)
  file('preload.js', trace('preload'))
  file('plugin.ts', `${trace('plugin')}export default { name: 'x', setup() {} }\n`)
  file(
    'bunfig.toml',
    'preload = ["./preload.js"]\n[run]\nbun = true\n[test]\npreload = ["./preload.js"]\n[serve.static]\nplugins = ["./plugin.ts"]\n',
  )
  const stolen = `ENGRAM_HOME=${join(folder, 'stolen')}\nENGRAM_URL=http://127.0.0.1:9\nENGRAM_HOST=0.0.0.0\nENGRAM_API_KEY=ek_wrong\nBUN_OPTIONS=--preload=./preload.js\n`
  for (const name of ['.env', '.env.local', '.env.production', '.env.development']) {
    file(name, stolen)
  }
  file(
    'package.json',
    JSON.stringify({
      name: 'engram',
      type: 'commonjs',
      main: './preload.js',
      imports: { '#x': './preload.js' },
      scripts: { mcp: 'node preload.js' },
    }),
  )
  file(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        paths: { '*': ['./preload.js'] },
        jsxImportSource: './preload',
        plugins: [{ name: './plugin.ts' }],
      },
    }),
  )
  file('engram.toml', '[server]\nhost = "0.0.0.0"\n')
  file('config.toml', '[server]\nhost = "0.0.0.0"\n')
  for (const name of ['zod', 'commander', '@modelcontextprotocol/server', 'better-sqlite3']) {
    mkdirSync(join(folder, 'node_modules', name), { recursive: true })
    file(join('node_modules', name, 'index.js'), trace(name.replace('/', '-')))
    file(join('node_modules', name, 'package.json'), JSON.stringify({ name, main: 'index.js' }))
  }
}

describe('the executable, started in a hostile folder', () => {
  fillWithTraps(folder)
  const before = readdirSync(folder).sort()

  test('whose traps spring for a program that does not mind', () => {
    const careless = mkdtempSync(join(tmpdir(), 'engram-careless-'))
    fillWithTraps(careless)
    const { stdout } = Bun.spawnSync(
      [process.execPath, '-e', 'console.log(process.env.ENGRAM_HOST)'],
      {
        cwd: careless,
        env: environment(home.path),
      },
    )
    expect(stdout.toString().trim()).toBe('0.0.0.0')
    expect(readdirSync(careless)).toContain('ran-preload')
    rmSync(careless, { recursive: true, force: true })
  })

  test.each(GENERATIONS.filter(({ name }) => name.includes('stdio')))(
    'serves $name and runs nothing that lies there',
    async ({ open }) => {
      const session = await open({
        command: (args) => ({
          command: executable,
          args: ['mcp', '--stdio', ...args],
          env: environment(home.path),
          cwd: folder,
        }),
        url: 'http://127.0.0.1:9',
        headers: {},
      })
      try {
        const { structuredContent } = await session.call('add_memory', { content: 'Likes tea' })
        expect(structuredContent).toMatchObject({ memory: { content: 'Likes tea' } })
      } finally {
        await session.close()
      }
      expect(readdirSync(folder).sort()).toEqual(before)
      // The daemon that it started listens where it always does, and keeps its data where it was told to.
      expect(new URL(home.daemon()!.url).hostname).toBe('127.0.0.1')
      expect(existsSync(join(home.path, 'engram.db'))).toBe(true)
    },
  )
})
