// Via HTTP
wireHTTP({ method: 'post', route: '/onboard', func: onboardUser })
// Via queue (on user signup event)
wireQueueWorker({ queue: 'signups', func: onboardUser })
// Via cron (batch onboarding)
wireScheduler({ schedule: '0 9 * * *', func: batchOnboard })
// Via AI agent
pikkuAIAgent({
name: 'ops-assistant',
tools: [onboardUser],
model: 'anthropic/claude-sonnet-4-5',
})
