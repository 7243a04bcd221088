import { pikkuPermission } from '#pikku'

export const isStaff = pikkuPermission(async (_services, _data, { session }) => session?.role === 'staff')
