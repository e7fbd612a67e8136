import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, type Home, jsonOf, openHome } from './fixtures/harness.ts'

setDefaultTimeout(60_000)

/** The release executable, which the test command builds before it runs anything. */
const EXECUTABLE = join(import.meta.dir, '../dist/engram')

const homes: Home[] = []
const newHome = () => {
  const home = openHome([EXECUTABLE])
  homes.push(home)
  return home
}
afterAll(async () => {
  await Promise.all(homes.map((home) => home.close()))
})

test('the executable is there', () => {
  expect(existsSync(EXECUTABLE)).toBe(true)
})

test('it says what it is', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dir, '../package.json'), 'utf8'))
  const said = await newHome().engram(['--version'])
  expect(said.out).toMatch(/^engram \S+ \(commit [0-9a-f]{12}, [a-z]+-(?:x64|arm64)\)\n$/)
  expect(said.out).toContain(`engram ${version} `)
})

test('it remembers by itself: daemon, database and default embedder from one file', async () => {
  const home = newHome()
  await home.engram(['add', 'User is allergic to peanuts'])
  await home.engram(['add', 'User works on a compiler'])
  await home.embedded()
  const status = jsonOf<{ embedding: { model: string; status: string } }>(
    await home.engram(['status', '--json']),
  )
  expect(status.embedding).toMatchObject({ model: 'minilm', status: 'ready' })
  const found = jsonOf<{ memories: { content: string; score: number }[] }>(
    await home.engram(['search', 'which nuts can I not eat', '--json']),
  )
  expect(found.memories.map(({ content }) => content)).toEqual(['User is allergic to peanuts'])
})

test('nothing it writes can be read by others', async () => {
  const home = newHome()
  await home.engram(['add', 'private'])
  const loose = [...new Bun.Glob('**/*').scanSync({ cwd: home.path, onlyFiles: false, dot: true })]
    .map((file) => [file, statSync(join(home.path, file)).mode & 0o077] as const)
    .filter(([, mode]) => mode !== 0)
  expect(loose).toEqual([])
  expect(readdirSync(home.path)).toContain('engram.db')
})

describe('in a hostile folder', () => {
  test('it runs and reads nothing that lies there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'engram-hostile-'))
    const trace = join(folder, 'ran')
    const evil = `require('node:fs').writeFileSync(${JSON.stringify(trace)}, 'ran')\n`
    const plant = (name: string, text: string) => {
      mkdirSync(join(folder, name, '..'), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    plant('evil.js', evil)
    plant('bunfig.toml', 'preload = ["./evil.js"]\n[test]\npreload = ["./evil.js"]\n')
    plant('.env', 'ENGRAM_HOST=0.0.0.0\nENGRAM_PORT=many\nDATABASE_URL=file:///etc/passwd\n')
    plant('.env.local', 'ENGRAM_PORT=many\n')
    plant('.env.production', 'ENGRAM_PORT=many\n')
    plant('package.json', '{"type":"module","main":"evil.js","imports":{"#x":"./evil.js"}}')
    plant('tsconfig.json', '{"compilerOptions":{"paths":{"*":["./evil.js"]}}}')
    plant('config.toml', '[server]\nport = "many"\n')
    plant('index.js', evil)
    for (const name of ['better-sqlite3', 'onnxruntime-node', 'hono', 'zod', 'pino']) {
      plant(`node_modules/${name}/package.json`, `{"name":"${name}","main":"index.js"}`)
      plant(`node_modules/${name}/index.js`, evil)
    }
    try {
      const home = newHome()
      for (const args of [['--version'], ['add', 'from a hostile folder'], ['doctor']]) {
        const { code, err } = await home.engram(args, { cwd: folder })
        expect({ args, code, err }).toMatchObject({ args, code: 0 })
      }
      expect(new URL(home.daemon()!.url).hostname).toBe('127.0.0.1')
      expect(existsSync(trace)).toBe(false)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('a database file that is not ours to touch', () => {
  const CASES: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    [
      'of another program',
      (path) => {
        const db = new Database(path, { create: true })
        db.run('create table theirs (x)')
        db.run("insert into theirs values ('precious')")
        db.close()
      },
      /another|not .*Engram/i,
    ],
    [
      'of a newer Engram',
      (path) => {
        const db = new Database(path, { create: true })
        db.run('create table users (x)')
        db.run(`pragma application_id = ${0x456e6772}`)
        db.run('pragma user_version = 9999')
        db.close()
      },
      /newer/i,
    ],
    [
      'that is no database',
      (path) => writeFileSync(path, 'Dear diary, '.repeat(1000)),
      /database/i,
    ],
    [
      'that is cut short',
      (path) => {
        const db = new Database(path, { create: true })
        db.run('create table big (x)')
        for (let i = 0; i < 100; i++) db.run('insert into big values (randomblob(4000))')
        db.run(`pragma application_id = ${0x456e6772}`)
        db.run('pragma user_version = 1')
        db.close()
        writeFileSync(path, readFileSync(path).subarray(0, 100_000))
      },
      /damaged|short|malformed/i,
    ],
  ]
  for (const [name, make, says] of CASES) {
    test(`${name} is refused with the next step, and stays as it is`, async () => {
      const home = newHome()
      const path = join(home.path, 'engram.db')
      make(path)
      const before = readFileSync(path)
      const { code, err } = await home.engram(['memories', 'list'])
      expect(code).toBe(5)
      expect(err).toMatch(says)
      expect(err).toContain('  fix   ')
      expect(readFileSync(path).equals(before)).toBe(true)
    })
  }
})

test('a command line of odd bytes is refused in one line', async () => {
  const home = newHome()
  const child = Bun.spawn([EXECUTABLE, 'memories', 'show', '%00', '🤷'], {
    cwd: home.path,
    stdout: 'pipe',
    stderr: 'pipe',
    env: environment(home.path),
  })
  const err = await new Response(child.stderr).text()
  expect(await child.exited).toBe(2)
  expect(err).toStartWith('error E_')
  expect(err).not.toContain('    at ')
})
