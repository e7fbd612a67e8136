/**
 * Ids of tool calls between OpenAI, which needs one for each, and Gemini, which has them only in newer
 * versions: there a result must repeat the id of its call, while the others refuse an id they do not know
 * (400 `Unknown name "id"`). So a prefix remembers which ids are Gemini's own.
 */
const GEMINI_OWN = 'call_gemini_'

/**
 * The OpenAI id of a call.
 *
 * @param id Gemini's own id, if it gave one.
 * @param answerId The answer's id, which makes an invented one unique; the same answer gives the same ids.
 * @param place The call's place in the answer, from 0.
 */
export function openAiCallId(id: string, answerId: string, place: number): string {
  if (id !== '') return GEMINI_OWN + id
  // OpenAI takes at most 40 characters, should the conversation go on there.
  return `call_${answerId.replace(/[^A-Za-z0-9_-]/g, '').slice(-28)}_${place}`
}

/** The id to send back to Gemini; undefined for one that is not its own. */
export function geminiCallId(id: unknown): string | undefined {
  return typeof id === 'string' && id.startsWith(GEMINI_OWN)
    ? id.slice(GEMINI_OWN.length)
    : undefined
}
