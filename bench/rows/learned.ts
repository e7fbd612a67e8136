import { until } from '../../daemon/fixtures/executable.ts'
import { upstreamEnv } from '../../daemon/fixtures/recording-upstream.ts'
import { summarize } from '../statistics.ts'
import { type Bench, ms, type Row } from './row.ts'
import { openCopy, settled } from './store.ts'

/** From the end of an answer to the memory of what was said; and whether the very next request has it. */
export async function measureLearned(bench: Bench): Promise<Row[]> {
  const install = await openCopy(bench, upstreamEnv(bench.mock.origins[0]))
  const served = await install.serve()
  await settled(served)
  const facts = bench.quick ? 20 : 100
  const times: number[] = []
  let carried = 0
  const chat = async (content: string) => {
    const body = { model: 'mock', messages: [{ role: 'user', content }] }
    const answer = await served.ask('POST', '/v1/chat', body)
    await answer.arrayBuffer()
    return Number(answer.headers.get('x-engram-memories-injected'))
  }
  for (let n = 0; n < facts; n++) {
    const name = bench.corpus
      .statement(900_000 + n)
      .split(' ')
      .at(-1)!
      .slice(0, -1)
    await chat(`My colleague ${name} works on the harbour tunnel.`)
    const answered = performance.now()
    if ((await chat(`What does my colleague ${name} work on?`)) > 0) carried++
    await until('it is a memory', async () => {
      const answer = await served.ask('GET', `/memories?search=${name}`)
      return ((await answer.json()) as { total: number }).total > 0
    })
    times.push(performance.now() - answered)
  }
  await served.kill()
  await install.remove()
  const found = summarize(times)
  return [
    {
      figure: 'said, answered, and a memory',
      measured: `p50 ${ms(found.p50)}, p95 ${ms(found.p95)}, max ${ms(found.max)}; the very next request carried ${carried} of ${facts}`,
      target: '≤ 1500 ms',
      ok: found.max <= 1_500 && carried === facts,
      values: { p50: found.p50, p95: found.p95, max: found.max, carried, facts },
    },
  ]
}
