import type { Account } from './accounts.ts'

/** Two accounts to try the shop with; README has their passwords. */
export const seed: readonly Account[] = [
  {
    userId: 'ada',
    role: 'reader',
    email: 'ada@bookshop.example',
    passwordHash: '6799102ce9f20ba3548e1dde8f42f39d7682efeee96ca849024421de356713a0',
  },
  {
    userId: 'mel',
    role: 'staff',
    email: 'mel@bookshop.example',
    passwordHash: '3fc78eb088b80e28517b0e7040bb014852e2fa8f9ac41b4c874f686f9ea9d74b',
  },
]
