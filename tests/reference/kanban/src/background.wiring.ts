import { archiveDone } from './functions/card.function.js'
import { remindPeople, sendInvitation } from './functions/people.function.js'
import { wireQueueWorker } from '#pikku/queue/pikku-queue-types.gen.js'
import { wireScheduler } from '#pikku/scheduler/pikku-scheduler-types.gen.js'

wireQueueWorker({ queueName: 'invitations', func: sendInvitation, config: { batchTimeout: 0 } })
wireScheduler({ name: 'archive', schedule: '0 4 * * *', func: archiveDone })
wireScheduler({ name: 'remind', schedule: '0 9 * * 1', func: remindPeople })
