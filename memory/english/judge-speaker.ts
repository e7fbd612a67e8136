import type { Form } from './clause.ts'
import { judgeBeing } from './judge-being.ts'
import { judgeHabit } from './judge-habits.ts'
import { judgeModal } from './judge-modals.ts'
import { judgePerfect, judgePerfectProgress } from './judge-perfect.ts'
import { judgeProgress } from './judge-progress.ts'
import { judgePast } from './judge-turns.ts'
import { always, certain, type Judgement, type Rule, type Said } from './judgement.ts'
import { wordSet } from './word-set.ts'

/** What "I" and "we" say of themselves: one rule for each form of the verb. */
export function judgeSpeaker(said: Said): Judgement | null {
  return said.clause.modal === null ? FORMS[said.clause.form](said) : judgeModal(said)
}

const FORMS: Readonly<Record<Form, Rule>> = {
  be: judgeBeing,
  passive: ({ clause }) => (LASTING_PASSIVES.has(clause.lemma) ? certain('profile') : null),
  'used-to': always(certain('profile')),
  present: judgeHabit,
  past: judgePast,
  progressive: judgeProgress,
  perfect: judgePerfect,
  'perfect-progressive': judgePerfectProgress,
}

/** "I was raised by my aunt", "I am named after a river" */
const LASTING_PASSIVES = wordSet(
  'bear raise bring diagnose adopt marry name call train employ hire enroll certify promote own',
)
