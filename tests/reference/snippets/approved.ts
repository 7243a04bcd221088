export const onboardUser = pikkuWorkflow({
  input: z.object({ email: z.string(), userId: z.string() }),
  func: async ({ workflow, rpc }, data) => {
    await workflow.do('Create profile', 'createProfile', data)                       // another function, by name: its own unit, its own retries
    const crm = await workflow.do('Add to CRM', async () => crmApi.create(data))     // inline: runs once, its result is stored
    await workflow.sleep('Wait before welcome', '5m')                                // ms number, or 30s, 5m = 5min, 2h, 7d
    await workflow.do('Send welcome email', 'sendEmail', { to: data.email }, { retries: 5, retryDelay: '2s', backoff: 'exponential', onError: 'refund' })
    const ok = await workflow.approval('Manager approves', { timeout: '3d' })        // suspended until decided
    const evt = await workflow.waitForEvent('Paid', 'payment.received', { timeout: '1h' })
    await Promise.all([workflow.do('A', 'a', {}), workflow.do('B', 'b', {})])        // parallel steps
    if (!ok.approved) await workflow.cancel('declined')
    return { success: true }
  },
})
