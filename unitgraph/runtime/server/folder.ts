/// <reference path="./modules.d.ts" />
/** Where a process keeps its data. */
import { homedir } from 'node:os'
import { readText, type Environment } from '../core/environment.ts'

/** `UNITGRAPH_DATA`, else what systemd gives a service, else the user's folder for state. */
export const dataFolder = (env: Environment, project: string): string => {
  const given = readText(env, 'UNITGRAPH_DATA') || readText(env, 'STATE_DIRECTORY')?.split(':')[0]
  return given || `${readText(env, 'XDG_STATE_HOME') || `${homedir()}/.local/state`}/${project}`
}
