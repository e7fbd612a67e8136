import { expect, test } from 'bun:test'
import { startLagMeter } from './lag.ts'

test('shows that something ran too long, and nothing before the first sample', async () => {
  const meter = startLagMeter()
  expect(meter.read()).toEqual({ p50: 0, p99: 0, max: 0, samples: 0 })
  while (meter.read().samples < 3) await Bun.sleep(1)
  const end = performance.now() + 200
  while (performance.now() < end);
  const before = meter.read().samples
  while (meter.read().samples === before) await Bun.sleep(1)
  const { p50, p99, max } = meter.read()
  // What was due within 20 ms had to wait for the rest.
  expect(max).toBeGreaterThan(150)
  expect(p99).toBe(max)
  expect(p50).toBeLessThan(max)
  meter.stop()
})
