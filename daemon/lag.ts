/** How long what became due had to wait for the event loop: whatever runs too long shows here. */
export type LagMeter = Readonly<{
  /** Over the last ten seconds. */
  read(): Lag
  stop(): void
}>

export type Lag = Readonly<{
  /** Milliseconds, 0 without samples. */
  p50: number
  p99: number
  max: number
  /** What the figures are made of. */
  samples: number
}>

const EVERY_MS = 20
/** A window, where the histogram of `perf_hooks` would keep everything since the start. */
const KEPT = 10_000 / EVERY_MS

export function startLagMeter(): LagMeter {
  const lags = new Float32Array(KEPT)
  let count = 0
  let dueAt = performance.now() + EVERY_MS
  const timer = setInterval(() => {
    const now = performance.now()
    lags[count++ % KEPT] = Math.max(0, now - dueAt)
    dueAt = now + EVERY_MS
  }, EVERY_MS)
  timer.unref()
  return {
    read() {
      const sorted = lags.slice(0, Math.min(count, KEPT)).sort()
      const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
      return { p50: at(0.5), p99: at(0.99), max: at(1), samples: sorted.length }
    },
    stop: () => clearInterval(timer),
  }
}
