/** The workflow that everybody knows, with shorter sleeps, and what its steps really do: a line in a file, on the disk. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { pikkuSessionlessFunc, pikkuVoidFunc, pikkuWorkflow, wireHTTP, wireQueueWorker, wireScheduler } from '#pikku'

const LEDGER = process.env['LEDGER'] ?? ''

/** Resolves once the disk has it. */
export const note = (run: string, what: string): void => {
  const file = openSync(LEDGER, 'a')
  writeSync(file, `${run} ${what} ${Date.now()} ${process.pid}\n`)
  fsyncSync(file)
  closeSync(file)
}

export const createProfile = pikkuSessionlessFunc<{ email: string; userId: string }, { id: string }>(async (_services, { userId }, { workflowStep }) => {
  note(workflowStep?.runId ?? '-', 'createProfile')
  return { id: `profile of ${userId}` }
})
export const sendEmail = pikkuSessionlessFunc<{ to: string; template: string }, { sent: string }>(async (_services, { to }, { workflowStep }) => {
  note(workflowStep?.runId ?? '-', 'sendEmail')
  if (workflowStep?.attempt === 1) throw new Error('The post is closed')
  return { sent: to }
})
export const createWorkspace = pikkuVoidFunc<{ userId: string }>({
  internal: true,
  func: async (_services, _data, { workflowStep }) => note(workflowStep?.runId ?? '-', 'createWorkspace'),
})

export const onboardUser = pikkuWorkflow<{ email: string; userId: string }, { success: boolean }>(async ({ workflow }, data) => {
  // Step 1 — persisted, retried on failure
  await workflow.do('Create profile', 'createProfile', data)
  // Step 2 — sleeps for real (minutes, hours, days)
  await workflow.sleep('Wait before welcome', '1500ms')
  // Step 3 — resumes here if the server restarted
  await workflow.do('Send welcome email', 'sendEmail', { to: data.email, template: 'welcome' }, { retryDelay: '200ms' })
  // Step 4
  await workflow.do('Provision workspace', 'createWorkspace', { userId: data.userId })
  await workflow.do('Tell', async () => note(workflow.runId, 'inline'))
  return { success: true }
})

wireHTTP({ method: 'post', route: '/onboard', func: onboardUser })
wireQueueWorker({ queue: 'signups', func: onboardUser })
wireScheduler({ name: 'nightly', schedule: '0 3 1 1 *', func: onboardUser })
wireHTTP({
  method: 'post', route: '/signup',
  func: pikkuSessionlessFunc<{ id: string; userId: string }, { id: string }>(async ({ queueService }, { id, userId }) =>
    ({ id: await queueService.add('signups', { email: `${userId}@example.com`, userId }, { jobId: id }) })),
})
wireHTTP({
  method: 'post', route: '/start',
  func: pikkuSessionlessFunc<{ id?: string; userId: string }, { runId: string }>(async (_services, { id, userId }, { rpc }) =>
    rpc.startWorkflow('onboardUser', { email: 'a@example.com', userId }, id === undefined ? {} : { id })),
})
