import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Which folders a folder imports besides itself (ARCHITECTURE.md, "The house"). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  cli: ['daemon', 'web-ui', 'memory'],
  'web-ui': [],
  daemon: ['storage', 'embed', 'providers', 'memory'],
  storage: ['memory', 'migrations'],
  embed: ['memory'],
  providers: ['memory'],
  memory: [],
  migrations: [],
}

/** Tools around the product: they may look into every folder, and nothing of the product imports them. */
const OUTSIDE = ['bench']

const root = import.meta.dir
/** Every module that a file names, types included: a type-only import is a dependency all the same. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [
    ...text.matchAll(/^(?:import|export|\}) ?[^'\n]*?\bfrom '([^']+)'|\bimport\(?\s*'([^']+)'/gm),
  ].map(([, from, bare]) => (from ?? bare)!)
}

const sources = [
  ...new Bun.Glob(
    '{cli,web-ui,daemon,storage,embed,providers,memory,migrations}/**/*.{ts,tsx}',
  ).scanSync({ cwd: root }),
].filter((file) => !file.endsWith('.d.ts'))

describe('imports run one way', () => {
  test('there are sources to look at', () => {
    expect(sources.length).toBeGreaterThan(50)
  })

  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    test(`${folder} imports only ${['itself', ...allowed].join(', ')}`, () => {
      const wrong = sources
        .filter((file) => file.startsWith(`${folder}/`))
        .flatMap((file) =>
          importsOf(file)
            .filter((path) => path.startsWith('.'))
            .map((path) => relative(root, join(root, dirname(file), path)).split('/')[0]!)
            .filter((target) => target !== folder && !allowed.includes(target))
            // A file of the root, such as package.json, is no folder of ours.
            .filter((target) => target in MAY_IMPORT || OUTSIDE.includes(target))
            .map((target) => `${file} imports ${target}`),
        )
      expect(wrong).toEqual([])
    })
  }

  test('memory knows no technology: it imports no package', () => {
    const packages = sources
      .filter((file) => file.startsWith('memory/') && !file.includes('.test.'))
      .flatMap((file) => importsOf(file).filter((path) => !path.startsWith('.')))
    expect(packages).toEqual([])
  })
})

test('only daemon/config.ts and daemon/paths.ts are given the environment', () => {
  const readers = sources
    .filter((file) => !/\.(test|contract)\.ts$|\/fixtures\//.test(file))
    .filter((file) => /process\.env|Bun\.env/.test(readFileSync(join(root, file), 'utf8')))
  // The entry point hands the environment to `readConfig`; nothing else looks at it.
  expect(readers.filter((file) => !file.startsWith('cli/'))).toEqual([])
})
