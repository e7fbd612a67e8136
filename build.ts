/**
 * Builds the executable.
 *
 *   bun build.ts                     dist/engram for this platform
 *   bun build.ts --target T…         dist/engram-T for linux-x64, linux-arm64, darwin-arm64, darwin-x64, windows-x64
 *   bun build.ts --if-stale          nothing when dist/engram is newer than every source
 *   bun build.ts --mcpb              also a bundle of each for Claude Desktop: dist/engram-T.mcpb
 *
 * The runtime of another platform comes as npm package (`@oven/bun-…`, by `npm pack`), its native parts are
 * inside packages that are installed here already.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BunPlugin } from 'bun'
import { bundle } from './mcpb.ts'

const root = import.meta.dir
const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64', 'windows-x64'] as const
type Target = (typeof TARGETS)[number]

const ENTRIES = [
  'cli/main.ts',
  'storage/sqlite/store.worker.ts',
  'storage/sqlite/recall.worker.ts',
  'embed/onnx.worker.ts',
]
const SOURCES = ['cli', 'daemon', 'memory', 'storage', 'embed', 'providers', 'web-ui', 'migrations']

const host =
  `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}` as Target

async function main(args: readonly string[]): Promise<void> {
  const wanted = args.flatMap((arg, i) => (args[i - 1] === '--target' ? [readTarget(arg)] : []))
  const known = args.every(
    (arg, i) => ['--target', '--if-stale', '--mcpb'].includes(arg) || args[i - 1] === '--target',
  )
  if (!known) fail(`usage: bun build.ts [--if-stale] [--mcpb] [--target ${TARGETS.join('|')}]…`)
  const finish = (target: Target, executable: string) => {
    if (args.includes('--mcpb')) writeBundle(target, executable, args.includes('--if-stale'))
  }
  mkdirSync(join(root, 'dist'), { recursive: true })
  if (wanted.length === 0) {
    const outfile = join(root, 'dist', host === 'windows-x64' ? 'engram.exe' : 'engram')
    if (!args.includes('--if-stale') || !isFresh(outfile)) await build(host, outfile, undefined)
    finish(host, outfile)
    return
  }
  for (const target of wanted) {
    const suffix = target === 'windows-x64' ? '.exe' : ''
    const runtime = target === host ? undefined : fetchRuntime(target)
    const outfile = join(root, 'dist', `engram-${target}${suffix}`)
    await build(target, outfile, runtime)
    finish(target, outfile)
  }
}

function readTarget(text: string): Target {
  const target = TARGETS.find((name) => name === text)
  return target ?? fail(`unknown target "${text}": choose ${TARGETS.join(', ')}`)
}

/** Is the executable newer than everything it is made of? */
function isFresh(outfile: string): boolean {
  if (!existsSync(outfile)) return false
  const built = statSync(outfile).mtimeMs
  const files = new Bun.Glob(`{${SOURCES.join(',')}}/**/*`)
  const others = ['build.ts', 'package.json', 'package-lock.json']
  return [...files.scanSync({ cwd: root }), ...others].every(
    (file) => statSync(join(root, file)).mtimeMs <= built,
  )
}

async function build(target: Target, outfile: string, runtime: string | undefined): Promise<void> {
  const started = performance.now()
  const embedded = embeddedFiles(target)
  const hash = createHash('sha256')
  for (const { name, file } of embedded) hash.update(name).update(readFileSync(file))
  const partial = `${outfile}.building`
  const result = await Bun.build({
    entrypoints: ENTRIES.map((entry) => join(root, entry)),
    root,
    target: 'bun',
    minify: { syntax: true, whitespace: true },
    // Parsed beforehand, it starts in a fraction of the time. Only for the platform that builds: executables with
    // bytecode from another one have crashed (oven-sh/bun#18416), and without it they only start slower.
    format: 'esm',
    bytecode: target === host,
    define: {
      ENGRAM_BUILD: JSON.stringify(`${packageVersion()}-${hash.digest('hex').slice(0, 16)}`),
      ENGRAM_COMMIT: JSON.stringify(commit()),
      ENGRAM_TARGET: JSON.stringify(target),
    },
    plugins: [embedding(embedded)],
    compile: {
      target: `bun-${target}`,
      outfile: partial,
      ...(runtime ? { executablePath: runtime } : {}),
      // A program that people start inside any folder must not run what lies in that folder.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  })
  if (!result.success) fail(result.logs.join('\n'))
  // Bun adds .exe for Windows by itself.
  renameSync(existsSync(partial) ? partial : `${partial}.exe`, outfile)
  const megabytes = (statSync(outfile).size / 1e6).toFixed(0)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`built ${outfile.slice(root.length + 1)}  ${target}  ${megabytes} MB  ${seconds} s`)
}

function writeBundle(target: Target, executable: string, ifStale: boolean): void {
  const outfile = join(root, 'dist', `engram-${target}.mcpb`)
  const made = existsSync(outfile) ? statSync(outfile).mtimeMs : 0
  const sources = [executable, join(root, 'mcpb.ts')]
  if (ifStale && sources.every((file) => statSync(file).mtimeMs <= made)) return
  const bytes = bundle({
    target,
    version: packageVersion(),
    executable: readFileSync(executable),
    license: readFileSync(join(root, 'LICENSE')),
  })
  writeFileSync(`${outfile}.building`, bytes)
  renameSync(`${outfile}.building`, outfile)
  console.log(`built ${outfile.slice(root.length + 1)}  ${(bytes.length / 1e6).toFixed(0)} MB`)
}

type Part = Readonly<{ name: string; file: string }>

/** The files that go into the executable, by the names under which it unpacks them. */
function embeddedFiles(target: Target): Part[] {
  const at = (name: string, file: string): Part => ({ name, file: join(root, file) })
  const [os, arch] = target.split('-') as [string, string]
  const platform = os === 'windows' ? 'win32' : os
  const onnx = `node_modules/onnxruntime-node/bin/napi-v6/${platform}/${arch}`
  const library = {
    linux: 'libonnxruntime.so.1',
    darwin: 'libonnxruntime.1.dylib',
    windows: 'onnxruntime.dll',
  }
  const hasOnnx = existsSync(join(root, onnx, 'onnxruntime_binding.node'))
  return [
    // Not under its own name: Bun refuses to load a file called better_sqlite3.node.
    at('sqlite.node', `node_modules/better-sqlite3/prebuilds/${platform}-${arch}.node`),
    ...(hasOnnx
      ? [
          at('onnxruntime_binding.node', `${onnx}/onnxruntime_binding.node`),
          at(library[os as keyof typeof library], `${onnx}/${library[os as keyof typeof library]}`),
          at('minilm.onnx', 'embed/models/all-MiniLM-L6-v2/model_int8.onnx'),
        ]
      : []),
    at('minilm-tokenizer.json', 'embed/models/all-MiniLM-L6-v2/tokenizer.json'),
    at('minilm-tokenizer-config.json', 'embed/models/all-MiniLM-L6-v2/tokenizer_config.json'),
    at('static.i8', 'embed/models/static-256/table.i8'),
    at('static.f32', 'embed/models/static-256/scales.f32'),
    at('related-words.txt', 'embed/models/related/words.txt'),
  ]
}

/** Puts a list of imports in place of `daemon/embedded.ts`. */
function embedding(parts: readonly Part[]): BunPlugin {
  return {
    name: 'embedded files',
    setup(builder) {
      builder.onLoad({ filter: /daemon[\\/]embedded\.ts$/ }, () => ({
        loader: 'ts',
        contents: [
          ...parts.map(
            ({ file }, i) => `import f${i} from ${JSON.stringify(file)} with { type: 'file' }`,
          ),
          `export const EMBEDDED = [${parts.map(({ name }, i) => `{ name: ${JSON.stringify(name)}, path: f${i} }`).join(', ')}]`,
        ].join('\n'),
      }))
    },
  }
}

/** The Bun binary of another platform, at the version that is pinned here. */
function fetchRuntime(target: Target): string {
  const npmNames = { 'linux-arm64': 'linux-aarch64', 'darwin-arm64': 'darwin-aarch64' } as Record<
    string,
    string
  >
  const name = `@oven/bun-${npmNames[target] ?? target}`
  const folder = mkdtempSync(join(tmpdir(), 'engram-build-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const packed = Bun.spawnSync([npm, 'pack', '--silent', `${name}@${Bun.version}`], { cwd: folder })
  const archive = packed.stdout.toString().trim().split('\n').at(-1)
  if (packed.exitCode !== 0 || !archive) fail(`npm pack ${name}@${Bun.version}: ${packed.stderr}`)
  const unpacked = Bun.spawnSync(['tar', '-xzf', archive], { cwd: folder })
  if (unpacked.exitCode !== 0) fail(`cannot unpack ${archive}: ${unpacked.stderr}`)
  return join(folder, 'package', 'bin', target === 'windows-x64' ? 'bun.exe' : 'bun')
}

function packageVersion(): string {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
}

function commit(): string {
  const git = Bun.spawnSync(['git', 'rev-parse', '--short=12', 'HEAD'], {
    cwd: root,
    stderr: 'ignore',
  })
  return git.exitCode === 0 ? git.stdout.toString().trim() : 'unknown'
}

function fail(message: string): never {
  console.error(`error: ${message}`)
  process.exit(1)
}

await main(process.argv.slice(2))
