/**
 * What chat interfaces ask a model for on their own account: a title for the conversation, its tags, what one
 * could ask next. They come in as many words as there are interfaces, by an address that says nothing of who
 * asks, so they are told by what they have in common.
 */

/** Is this whole text such a task, from its first word? */
export function isChatTask(text: string): boolean {
  const head = text.trimStart().slice(0, HEAD_CHARACTERS)
  if (LITERAL.some((task) => task.test(head))) return true
  // A person may ask for a title of the chat, too. A program says how to answer, or puts the chat behind it.
  return ASKS.some((asks) => asks.test(head)) && (ANSWER_RULE.test(head) || CHAT_FOLLOWS.test(head))
}

/** Does the system's text give the model this task and no other? */
export function isChatTaskSystem(text: string): boolean {
  return SYSTEMS.some((task) => task.test(text.trimStart())) || isChatTask(text)
}

/** Tasks are told at the beginning; what comes behind is the conversation. */
const HEAD_CHARACTERS = 1_000

/** In words of their own, which no person would use. */
const LITERAL: readonly RegExp[] = [
  /^Summarize in an? \d+-word title\b/i, // Jan
  /^Create a concise, 3-5 word (?:phrase|title) as a (?:header|title) for the following (?:query|prompt)\b/i,
  /^(?:-+ ?BEGIN Conversation ?-+)/,
  /^Summarize the (?:conversation|discussion) (?:in \d+ words or (?:fewer|less):|briefly in \d+ words or less to use as a prompt)/i,
  /^Summarize the conversation by integrating new lines into the current summary/i, // LibreChat
  /^Progressively summarize the lines of conversation provided/i, // LangChain
]

/** The conversation that is under way. Not the chat app that somebody builds, nor a dialogue in a novel. */
const CHAT = [
  String.raw`(?:(?:the|this|our|that|following|above|given|current)\s+(?:[\w’'-]+\s+){0,2}?`,
  String.raw`(?:conversation|chat|dialogue|discussion|thread|exchange)(?:\s+(?:history|session|messages?))?`,
  String.raw`|an?\s+(?:conversation|chat)(?=\s+(?:that\s+(?:starts|begins)|between\s+an?\s+user)))`,
  // No noun follows: "the chat server" is something else.
  String.raw`(?=\s*(?:[,.:;(]|\n|$)|\s+(?:that|between|below|above|so|in|into|using|with|and|without|from|based|as|provided|an?)\b)`,
].join('')
const MADE = String.raw`(?:titles?|name|header|tags|keywords|follow-?ups?|emoji)\b`
const OPENING = String.raw`^(?:please\s+|you are [^.\n]{1,120}[.\n]\s*|based on [^,.\n]{1,60},\s*|your task is to\s+|you (?:will|need to)\s+)*`
const VERB = String.raw`(?:provide|generate|create|write|suggest|give|find|make|propose|craft|extract|come up with)\b`

const ASKS: readonly RegExp[] = [
  // "Provide a concise title for the conversation"
  new RegExp(
    String.raw`${OPENING}${VERB}[^.\n]{0,80}\b${MADE}[^.\n]{0,120}\b(?:for|of|from|to|summari[sz]\w+|describ\w+|captur\w+|based on)\s+${CHAT}`,
    'i',
  ),
  // "Analyze this conversation and provide … a title", "give this conversation a name"
  new RegExp(
    String.raw`${OPENING}(?:analy[sz]e|summari[sz]e|give|name|read)\s+${CHAT}[\s\S]{0,200}?\b${MADE}`,
    'i',
  ),
]

const ANSWER_RULE = new RegExp(
  [
    String.raw`\bonly\s+(?:return|output|respond|reply|provide|print|give|write)\b`,
    String.raw`\b(?:return|output|respond with|reply with|answer with|provide|print|give|write)\s+(?:only|just)\b`,
    String.raw`\bjust\s+(?:return|output|provide|print)\b`,
    String.raw`\bnothing else\b`,
    String.raw`\b(?:no|without(?: any)?|do not (?:use|include)(?: any)?)\s+(?:quotes|quotation|punctuation|lead-in|preamble|explanation)`,
    String.raw`\bJSON (?:array|object|format|list)\b`,
  ].join('|'),
  'i',
)

const CHAT_FOLLOWS = new RegExp(
  [
    String.raw`${CHAT}\s*:\s*\S`,
    String.raw`\n[#*\s]*(?:conversation|chat(?: history)?|dialogue|messages?|user|human|query)[*\s]*:\s*\S`,
    '<(?:conversation|chat_history|messages?|transcript|chat)>',
    String.raw`-{2,}\s*BEGIN\b`,
  ].join('|'),
  'i',
)

const SYSTEMS: readonly RegExp[] = [
  // LobeChat, big-AGI and their kin: "You are a professional conversation summarizer", "… chat titles"
  /^You are an? [^.\n]{0,120}\b(?:(?:conversation|chat|thread) (?:titles?|summari[sz]er)|title generator for (?:conversations|chats))\b/i,
  /^You are a summarization AI\b/i, // Hugging Face's chat-ui
  // Vercel's template
  /^[-*\s]*you will generate a short title based on the first message a user begins a conversation with/i,
]
