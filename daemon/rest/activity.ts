import type { Activity } from '../activity.ts'
import { route } from '../route.ts'
import type { Services } from '../services.ts'
import { userOf } from './caller.ts'
import { toActivityJson } from './shapes.ts'

/** So many requests wait for a watcher who reads slowly; later ones are counted, not kept. */
const MAX_WAITING = 1_000

/** What goes through the proxy, as it goes. */
export const activityRoutes = [
  route({
    method: 'GET',
    path: '/activity',
    access: 'read',
    tag: 'logs',
    summary: 'Your requests through the proxy as they end, as server-sent events',
    answers: {
      200: {
        description:
          'text/event-stream: `request` events with one request each, `missed` events with a number',
      },
    },
    handle({ request, caller, services }) {
      const headers = {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
        'x-accel-buffering': 'no',
      }
      return new Response(watch(userOf(caller).id, request, services), { headers })
    },
  }),
]

function watch(userId: string, request: Request, services: Services): ReadableStream<Uint8Array> {
  const { activity, identity } = services
  let leave = () => {}
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const encoder = new TextEncoder()
        const send = (text: string) => controller.enqueue(encoder.encode(text))
        let missed = 0
        let isOpen = true
        const end = () => {
          if (isOpen) controller.close()
          leave()
        }
        const show = async (each: Activity) => {
          // Asked each time: a key that was revoked meanwhile shows nothing more.
          const isAllowed = await identity.identify(request.headers).then(
            () => true,
            () => false,
          )
          if (!isOpen) return
          if (!isAllowed) return end()
          if ((controller.desiredSize ?? 0) <= 0) {
            missed++
            return
          }
          if (missed > 0) send(`event: missed\ndata: ${missed}\n\n`)
          missed = 0
          send(`event: request\ndata: ${JSON.stringify(toActivityJson(each))}\n\n`)
        }
        const unsubscribe = activity.subscribe(userId, (each) => void show(each))
        leave = () => {
          isOpen = false
          unsubscribe()
        }
        void activity.closed.then(end)
        // Headers go out with the first bytes: who has them is watching.
        send(': watching\n\n')
      },
      cancel: () => leave(),
    },
    { highWaterMark: MAX_WAITING },
  )
}
