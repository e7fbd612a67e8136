import { expect, test } from 'bun:test'
import { PATHS } from './fixtures/paths.ts'
import { defaultEmbedderName, openEmbedder } from './open.ts'

test.each([
  ['linux', 'x64', 'minilm'],
  ['linux', 'arm64', 'minilm'],
  ['win32', 'x64', 'minilm'],
  ['win32', 'arm64', 'minilm'],
  ['darwin', 'arm64', 'minilm'],
  ['darwin', 'x64', 'static'],
  ['linux', 'riscv64', 'static'],
  ['freebsd', 'x64', 'static'],
] as const)('on %s %s the default is %s', (platform, arch, name) => {
  expect(defaultEmbedderName({ platform, arch })).toBe(name)
})

test.each(['minilm', 'static'] as const)('opens %s', async (name) => {
  const embedder = openEmbedder({ name, paths: PATHS })
  expect(embedder.model.name).toBe(name)
  await embedder.close()
})
