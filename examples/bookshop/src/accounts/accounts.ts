import type { UserSession } from './session.ts'

export interface Account extends UserSession {
  email: string
  /** PBKDF2-SHA-256 of the password, 100,000 rounds, salted with the e-mail address, in hex. */
  passwordHash: string
}

async function hash(password: string, email: string): Promise<string> {
  const text = new TextEncoder()
  const key = await crypto.subtle.importKey('raw', text.encode(password), 'PBKDF2', false, ['deriveBits'])
  const derivation = { name: 'PBKDF2', hash: 'SHA-256', salt: text.encode(email), iterations: 100_000 }
  const bits = await crypto.subtle.deriveBits(derivation, key, 256)
  return [...new Uint8Array(bits)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Compares every character, so that the time taken says nothing about where two hashes differ. */
function same(left: string, right: string): boolean {
  let difference = left.length ^ right.length
  for (let index = 0; index < left.length; index++) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index % right.length)
  }
  return difference === 0
}

export class Accounts {
  readonly #accounts: Map<string, Account>

  constructor(accounts: readonly Account[]) {
    this.#accounts = new Map(accounts.map((account) => [account.email, account]))
  }

  /** The session of the account with this password; undefined if there is none. */
  async verify(email: string, password: string): Promise<UserSession | undefined> {
    const account = this.#accounts.get(email.toLowerCase())
    const given = await hash(password, email.toLowerCase())
    if (!account || !same(account.passwordHash, given)) return undefined
    return { userId: account.userId, role: account.role }
  }
}
