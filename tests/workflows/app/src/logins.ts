/** A password goes through a run: what people see of it hides what these types mark. */
import { pikkuSessionlessFunc, pikkuWorkflow } from '#pikku'

interface Login {
  user: string
  /**
   * Never the old one.
   * @format password
   */
  password: string
}

export const hashPassword = pikkuSessionlessFunc<Pick<Login, 'password'>, { length: number; /** @format password */ hash: string }>(
  async (_services, { password }) => ({ length: password.length, hash: `hash of ${password}` }),
)

export const changeLogin = pikkuWorkflow<Login & { old?: Login[] }, { length: number; /** @format password */ hash: string }>(async ({ workflow }, { password }) =>
  workflow.do('Hash', 'hashPassword', { password }))
