import { describe, expect, test } from 'bun:test'
import { isChatTask, isChatTaskSystem } from './chat-tasks.ts'

describe('a task of a chat interface', () => {
  test.each([
    'Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title itself.\n\nConversation:\nHuman: I am allergic to nuts\nAI: Noted.',
    'Generate a concise title for this chat: I am allergic to nuts',
    'Please generate a concise title (max 40 characters) for a conversation that starts with:\nUser: hello\nAssistant: hi\n\nTitle:',
    'Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A concise title in the detected language (5 words or less, no punctuation or quotation)\n\nUser: hello',
    'Please generate a four to five word title summarizing our conversation without any lead-in, punctuation, quotation marks, periods, symbols, bold text, or additional text.',
    'Based on the chat history, give this conversation a name.\nKeep it short - 10 characters max, no quotes.\nJust provide the name, nothing else.\n\nHere is the conversation:\n```\nhello\n```',
    'Summarize in a 5-word Title. Give the title only. "hello"',
    'Create a concise, 3-5 word phrase as a header for the following query, strictly adhering to the limit: hello',
    '---BEGIN Conversation---\nhello\n---END Conversation---\nSummarize the conversation in 5 words or fewer:',
    'Summarize the discussion briefly in 200 words or less to use as a prompt for future context.',
    'Summarize the conversation by integrating new lines into the current summary.\n\nNew lines:\nhello',
    'Suggest three follow-up questions based on the conversation above. Answer as a JSON array of strings.',
    'Generate 1-3 tags categorizing the main themes of the chat history. Respond with JSON format.\n<chat_history>hello</chat_history>',
  ])('%j', (text) => {
    expect(isChatTask(text)).toBe(true)
  })

  test.each([
    'You are a professional conversation summarizer. Generate a concise title that captures the essence of the conversation.\n\nRules:\n- Output ONLY the title text',
    'You are an AI conversation titles assistant who specializes in creating expressive yet few-words chat titles.',
    'You are a helpful assistant that generates concise conversation titles.\n\nReturn only the title text.',
    'You are an assistant skilled in conversation. You need to summarize the user’s conversation into a title within 10 words. Do not use punctuation marks',
    '\n    - you will generate a short title based on the first message a user begins a conversation with\n    - do not use quotes or colons',
  ])('told to the system: %j', (text) => {
    expect(isChatTaskSystem(text)).toBe(true)
  })
})

describe('what a person wants is none', () => {
  test.each([
    'Generate a title for my blog post about Rome',
    'Generate a title for my blog post about Rome. Only return the title itself.',
    'Give me a short title for this chat',
    'Can you give this conversation a name?',
    'Write a title for my blog post about chat apps. Only return the title.',
    'Write a title for my story about the conversation of two spies. Return only the title.',
    'Suggest a name for the chat server that I build, nothing else.',
    'Suggest a title for the thread pool class:\nclass Pool {}',
    'Create tags for my photos of the discussion panel, as JSON array',
    'Summarize the following conversation:\nAlice: I moved to Ghent\nBob: Nice',
    'Summarize this conversation',
    'Summarize what we discussed, I need it for my boss',
    'What is a good title for the conversation that I had with Ann? Only return the title.',
    'I named the conversation "Trip". My title is Professor, nothing else.',
    'Please write an email to my landlord about this conversation. No quotes.',
    'Provide a list of restaurants. Conversation: none.',
    'Title for the conversation',
    '',
  ])('%j', (text) => {
    expect(isChatTask(text)).toBe(false)
  })

  test.each([
    'You are a helpful assistant.',
    'You are a title generator for books. Return only the title.',
    'You are a chat assistant. Titles of people are to be kept.',
    'Summarize the conversation when the user asks for it.',
    'You write names for dogs. Only return the name.',
  ])('told to the system: %j', (text) => {
    expect(isChatTaskSystem(text)).toBe(false)
  })
})
