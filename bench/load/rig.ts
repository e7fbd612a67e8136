import { join } from 'node:path'
import { pinned } from '../../daemon/fixtures/executable.ts'
import type { Measured, Order } from './generator.ts'

/**
 * Who runs where. Generator and mock share the first processor and the daemon has the second, in every arm:
 * else the direct arm would get the processor that the daemon leaves idle.
 */
export const GENERATOR_CPU = 0
export const DAEMON_CPU = navigator.hardwareConcurrency > 1 ? 1 : 0

/** Runs an order in a process of its own. @throws Error when it ends with a failure */
export async function generate(order: Order): Promise<Measured> {
  const child = Bun.spawn(
    [...pinned(GENERATOR_CPU), process.execPath, join(import.meta.dir, 'generator.ts')],
    { stdin: new Blob([JSON.stringify(order)]), stdout: 'pipe', stderr: 'inherit' },
  )
  const [out, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
  if (code !== 0) throw new Error(`the load generator ended with ${code}`)
  return JSON.parse(out) as Measured
}

export type Mock = Readonly<{
  /** Two addresses of the same program. */
  origins: readonly [string, string]
  stop(): Promise<void>
}>

export async function startMock(): Promise<Mock> {
  const child = Bun.spawn(
    [...pinned(GENERATOR_CPU), process.execPath, join(import.meta.dir, 'mock.ts')],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  )
  const { value } = await child.stdout.getReader().read()
  const origins = JSON.parse(new TextDecoder().decode(value)) as [string, string]
  return {
    origins,
    async stop() {
      child.stdin.end()
      await child.exited
    },
  }
}
