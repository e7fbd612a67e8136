import { EngramError } from './errors.ts'

/**
 * Calls to something that does one after the other, as a thread does. Who cannot wait long is told at once
 * that it would take too long: when more is asked than can be done, a line that only grows would make
 * everybody late, and do work that nobody waits for any more.
 */
export class Line {
  #standing = 0
  /** How long each takes lately, in milliseconds. */
  #eachMs = 0
  #lastEndAt = Number.NEGATIVE_INFINITY
  /** How long those who came lately would have to wait. */
  #usualWaitMs = 0

  /** How long the work of who comes now would have to wait, in milliseconds. */
  get waitMs(): number {
    return this.#standing * this.#eachMs
  }

  /** The same, as far as it lasts: a few who come at once are no crowd. */
  get lastingWaitMs(): number {
    return Math.min(this.waitMs, this.#usualWaitMs)
  }

  /**
   * @param patienceMs how long the work may have to wait before it is begun; somebody who comes alone never waits
   * @throws EngramError `timeout`, without doing the work, when it would have to wait longer; what the work throws
   */
  async stand<T>(work: () => Promise<T>, patienceMs = Number.POSITIVE_INFINITY): Promise<T> {
    const { waitMs } = this
    this.#usualWaitMs += USUAL_SHARE * (waitMs - this.#usualWaitMs)
    if (waitMs > patienceMs) {
      throw new EngramError(
        'timeout',
        `${this.#standing} others are before it, which takes about ${Math.ceil(waitMs)} ms`,
      )
    }
    this.#standing++
    const cameAt = performance.now()
    try {
      return await work()
    } finally {
      this.#standing--
      const now = performance.now()
      const tookMs = now - Math.max(cameAt, this.#lastEndAt)
      this.#lastEndAt = now
      this.#eachMs += NEWS_SHARE * (tookMs - this.#eachMs)
    }
  }
}

/** What the latest call counts for: after ten others nine tenths of it are forgotten. */
const NEWS_SHARE = 0.2
/** Half of what was usual is forgotten after seven calls. */
const USUAL_SHARE = 0.1
