// Runs the pinned Bun from node_modules with plain Node, so that npm and Node are all a machine needs.
// Bun's own postinstall, which would link it, does not run here (.npmrc, ignore-scripts).
//
//   node bun.mjs ARGS…          bun ARGS…
//   node bun.mjs --built ARGS…  the same, after building dist/engram when it is missing or older than the sources
//   node bun.mjs --start ARGS…  build when needed, then dist/engram serve ARGS…
//   node bun.mjs --test ARGS…   build when needed, then every test, or those that ARGS name
//   node bun.mjs --check        types, lint, format
import { spawn, spawnSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const windows = process.platform === 'win32'
const executable = join(root, 'dist', windows ? 'engram.exe' : 'engram')

/** The Bun binary of this platform: npm installed exactly the `@oven/bun-*` packages that can run here. */
function findBun() {
  const require = createRequire(import.meta.url)
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
  // `-baseline` runs on processors without AVX2; musl builds serve Alpine.
  const musl =
    process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime
  const base = `@oven/bun-${windows ? 'windows' : process.platform}-${arch}${musl ? '-musl' : ''}`
  const names = needsBaseline() ? [`${base}-baseline`, base] : [base, `${base}-baseline`]
  for (const name of names) {
    try {
      return join(
        dirname(require.resolve(`${name}/package.json`)),
        'bin',
        windows ? 'bun.exe' : 'bun',
      )
    } catch {
      // not installed for this platform: try the next
    }
  }
  console.error(
    `error: no Bun for ${process.platform}-${process.arch} in node_modules (looked for ${names.join(', ')})`,
  )
  console.error('  fix   npm install')
  process.exit(1)
}

function needsBaseline() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false
  try {
    return !readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2')
  } catch {
    return false
  }
}

/** Makes `bun` in node_modules/.bin work too, as Bun's postinstall would; a failure costs only that comfort. */
function linkBun(binary) {
  const stub = join(root, 'node_modules', 'bun', 'bin', 'bun.exe')
  try {
    if (statSync(stub).size > 1_000_000) return
    linkSync(binary, `${stub}.new`)
    renameSync(`${stub}.new`, stub)
  } catch {
    // a read-only or copied node_modules: the launcher does not need the link
  }
}

const bun = findBun()
linkBun(bun)

function runNow(command, args) {
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(signal ? 1 : (status ?? 1))
}

/** Becomes COMMAND as far as a parent can tell: same streams, same signals, same exit code. */
function become(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`error: cannot run ${command}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
}

const [mode, ...rest] = process.argv.slice(2)
const build = () => runNow(bun, ['build.ts', '--if-stale'])
if (mode === '--start') {
  build()
  become(executable, ['serve', ...rest], process.cwd())
} else if (mode === '--test') {
  build()
  become(bun, ['test', ...rest], root)
} else if (mode === '--built') {
  build()
  become(bun, rest, root)
} else if (mode === '--check') {
  runNow(bun, ['x', '--no-install', 'tsc', '--noEmit'])
  become(bun, ['x', '--no-install', 'biome', 'check', '.', ...rest], root)
} else {
  become(bun, process.argv.slice(2), root)
}
