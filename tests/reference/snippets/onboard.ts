export const onboardUser = pikkuWorkflow({
input: z.object({
email: z.string(),
userId: z.string(),
}),
func: async ({ workflow, rpc }, data) => {
// Step 1 — persisted, retried on failure
await workflow.do('Create profile', 'createProfile', data)
// Step 2 — sleeps for real (minutes, hours, days)
await workflow.sleep('Wait before welcome', '5m')
// Step 3 — resumes here if the server restarted
await workflow.do('Send welcome email', 'sendEmail', {
to: data.email,
template: 'welcome',
})
// Step 4
await workflow.do('Provision workspace', 'createWorkspace', {
userId: data.userId,
})
return { success: true }
},
})
