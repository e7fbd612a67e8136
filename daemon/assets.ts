import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { EMBEDDED, type EmbeddedFile } from './embedded.ts'
import { VERSION } from './version.ts'

/** Native parts, models and worker modules: what the daemon needs as files. */
export type Assets = Readonly<{
  sqliteAddon: string
  /** null where onnxruntime has no build. */
  onnxAddon: string | null
  /** null likewise. */
  minilmModel: string | null
  minilmTokenizer: string
  minilmTokenizerConfig: string
  staticTable: string
  staticScales: string
  relatedWords: string
  workers: Readonly<{ store: string; recall: string; onnx: string }>
}>

/**
 * Finds the files: in the source tree, or unpacked from the executable. Unpacking happens once per version
 * into a folder that only the user can enter; a file appears there whole or not at all.
 */
export async function openAssets(cacheDir: string): Promise<Assets> {
  if (!Bun.isStandaloneExecutable) return sourceAssets()
  const folder = join(cacheDir, 'parts', VERSION.build)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const unpacked = new Map<string, string>()
  for (const file of EMBEDDED) unpacked.set(file.name, await unpack(file, folder))
  const at = (name: string) => unpacked.get(name) ?? missing(name)
  return {
    sqliteAddon: at('sqlite.node'),
    onnxAddon: unpacked.get('onnxruntime_binding.node') ?? null,
    minilmModel: unpacked.get('minilm.onnx') ?? null,
    minilmTokenizer: at('minilm-tokenizer.json'),
    minilmTokenizerConfig: at('minilm-tokenizer-config.json'),
    staticTable: at('static.i8'),
    staticScales: at('static.f32'),
    relatedWords: at('related-words.txt'),
    workers: {
      store: join(import.meta.dir, 'storage/sqlite/store.worker.js'),
      recall: join(import.meta.dir, 'storage/sqlite/recall.worker.js'),
      onnx: join(import.meta.dir, 'embed/onnx.worker.js'),
    },
  }
}

function missing(name: string): never {
  throw new Error(`the executable was built without ${name}`)
}

async function unpack({ name, path }: EmbeddedFile, folder: string): Promise<string> {
  const target = join(folder, name)
  const source = Bun.file(path)
  if (existsSync(target) && statSync(target).size === source.size) return target
  const partial = `${target}.${process.pid}`
  await Bun.write(partial, source, { mode: 0o700 })
  renameSync(partial, target)
  return target
}

function sourceAssets(): Assets {
  const root = join(import.meta.dir, '..')
  const models = join(root, 'embed/models')
  const onnx = join(
    root,
    `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`,
  )
  const worker = (path: string) => new URL(`../${path}`, import.meta.url).href
  return {
    sqliteAddon: join(
      root,
      `node_modules/better-sqlite3/prebuilds/${process.platform}${musl()}-${process.arch}.node`,
    ),
    onnxAddon: existsSync(onnx) ? onnx : null,
    minilmModel: join(models, 'all-MiniLM-L6-v2/model_int8.onnx'),
    minilmTokenizer: join(models, 'all-MiniLM-L6-v2/tokenizer.json'),
    minilmTokenizerConfig: join(models, 'all-MiniLM-L6-v2/tokenizer_config.json'),
    staticTable: join(models, 'static-256/table.i8'),
    staticScales: join(models, 'static-256/scales.f32'),
    relatedWords: join(models, 'related/words.txt'),
    workers: {
      store: worker('storage/sqlite/store.worker.ts'),
      recall: worker('storage/sqlite/recall.worker.ts'),
      onnx: worker('embed/onnx.worker.ts'),
    },
  }
}

/** Alpine and its like have prebuilt addons of their own. */
function musl(): string {
  const report = process.platform === 'linux' ? process.report?.getReport() : undefined
  const header = (report as { header?: { glibcVersionRuntime?: string } } | undefined)?.header
  return process.platform === 'linux' && !header?.glibcVersionRuntime ? 'musl' : ''
}
