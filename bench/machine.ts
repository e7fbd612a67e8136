import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { pinned, ROOT } from '../daemon/fixtures/executable.ts'
import { DAEMON_CPU, GENERATOR_CPU } from './load/rig.ts'

/** What the figures were measured on and with: without it they say nothing. */
export type Machine = Readonly<Record<string, string>>

export function describeMachine(executable: string): Machine {
  const installed = (name: string) =>
    `${name} ${JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version}`
  const version = Bun.spawnSync([executable, '--version']).stdout.toString().trim()
  const isDirty = Bun.spawnSync(['git', 'status', '--porcelain'], { cwd: ROOT }).stdout.length > 0
  return {
    date: new Date().toISOString(),
    engram: version + (isDirty ? ', with uncommitted changes' : ''),
    processor: `${cpus()[0]?.model ?? 'unknown'}, ${navigator.hardwareConcurrency} processors`,
    memory: `${(totalmem() / 1e9).toFixed(1)} GB`,
    system: `${process.platform} ${release()} ${process.arch}`,
    versions: [
      `bun ${Bun.version}`,
      ...['better-sqlite3', 'onnxruntime-node', '@huggingface/tokenizers'].map(installed),
    ].join(', '),
    pinning:
      pinned(0).length > 0 && navigator.hardwareConcurrency > 1
        ? `generator and mock on processor ${GENERATOR_CPU}; the daemon on ${DAEMON_CPU} where its own work is measured, else free`
        : 'none: figures include that generator and daemon share processors',
  }
}
