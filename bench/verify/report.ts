import { isRunning } from '../../cli/locate.ts'
import { type Install, openInstall } from '../../daemon/fixtures/executable.ts'

/** Opens a home that nobody used before; it is removed, and what runs in it ended, when the part is over. */
export type Open = (env?: Readonly<Record<string, string>>) => Promise<Install>

/** Does one thing, and tells what it saw. @throws when it is not as it should be. */
export type Step = (name: string, work: () => Promise<string>) => Promise<void>

export type Part = (tools: Readonly<{ step: Step; open: Open }>) => Promise<void>

type Done = Readonly<{ part: string; step: string; ok: boolean; saw: string; ms: number }>

/** Runs steps, prints each as it ends, and keeps them for the summary. */
export function createReport() {
  const done: Done[] = []
  let part = ''

  const step: Step = async (name, work) => {
    const started = performance.now()
    const end = (ok: boolean, saw: string) => {
      const ms = Math.round(performance.now() - started)
      done.push({ part, step: name, ok, saw, ms })
      console.log(`  ${ok ? 'ok  ' : 'FAIL'}  ${name}: ${saw}  (${ms} ms)`)
    }
    let saw: string
    try {
      saw = await work()
    } catch (error) {
      end(false, error instanceof Error ? error.message : String(error))
      throw new StepFailed(name)
    }
    end(true, saw)
  }

  return {
    step,

    /** One part; a failed step ends it, since the next ones stand on it, and the other parts go on. */
    async run(
      name: string,
      work: (open: Open) => Promise<void>,
      executable: string,
    ): Promise<void> {
      part = name
      console.log(`\n${name}`)
      const installs: Install[] = []
      try {
        await work(async (env) => {
          const install = await openInstall(executable, env)
          installs.push(install)
          return install
        })
      } catch (error) {
        // Whatever fails outside a step is reported as one.
        if (!(error instanceof StepFailed)) {
          const saw = error instanceof Error ? (error.stack ?? error.message) : String(error)
          done.push({ part, step: 'between the steps', ok: false, saw, ms: 0 })
          console.log(`  FAIL  ${saw}`)
        }
      }
      const pids = installs.flatMap((install) => install.pids())
      for (const install of installs) await install.remove()
      const left = pids.filter(isRunning)
      if (left.length > 0) {
        const saw = `processes still run: ${left.join(', ')}`
        done.push({ part, step: 'clean-up', ok: false, saw, ms: 0 })
        console.log(`  FAIL  ${saw}`)
      }
    },

    summary() {
      const failed = done.filter(({ ok }) => !ok)
      return {
        ok: failed.length === 0 && done.length > 0,
        steps: done.length,
        failed: failed.map(({ part, step, saw }) => ({ part, step, saw })),
        parts: Object.fromEntries(
          Map.groupBy(done, (each) => each.part)
            .entries()
            .map(([name, steps]) => [
              name,
              { steps: steps.length, ms: steps.reduce((sum, { ms }) => sum + ms, 0) },
            ]),
        ),
      }
    },
  }
}

class StepFailed extends Error {}
