/** `storage` in a process: a folder, or where `STORAGE_URL` leads. */
import { readText } from '../../core/environment.ts'
import type { Place } from '../../core/services.ts'
import type { ObjectStorage, SecretsService } from '../../types/services.ts'
import { objectsInFolder } from './folder.ts'
import { createObjectStorage } from './index.ts'
import { objectsInBucket, readBucketUrl } from './s3.ts'

const wrong = (why: string): never => {
  throw new Error(`STORAGE_URL can't be used: ${why}`)
}

const parsed = (text: string): URL => {
  try {
    return new URL(text)
  } catch {
    return wrong('it is no URL: write s3://bucket?region=…, or file:///folder')
  }
}

const bucketOf = (url: URL) => {
  try {
    return readBucketUrl(url)
  } catch (error) {
    return wrong((error as Error).message)
  }
}

/** `isAlone`: no other place of the project's has its objects elsewhere. */
export const storage = ({ isAlone = true } = {}) =>
  async (base: Readonly<Record<string, unknown>>, { env, folder }: Place): Promise<ObjectStorage> => {
    const text = readText(env, 'STORAGE_URL')
    if (!text) {
      if (!isAlone) wrong('it isn\'t set: the units elsewhere keep their objects in a bucket, which it must name')
      return createObjectStorage(objectsInFolder(folder()))
    }
    const url = parsed(text)
    if (url.protocol === 'file:') return createObjectStorage(objectsInFolder(decodeURIComponent(url.pathname)))
    if (url.protocol !== 's3:') wrong('it must begin with s3: or file:')
    const secrets = base['secrets'] as SecretsService
    const sessionToken = readText(env, 'AWS_SESSION_TOKEN')
    return createObjectStorage(objectsInBucket({
      ...bucketOf(url), accessKeyId: await secrets.getSecret('AWS_ACCESS_KEY_ID'),
      secretAccessKey: await secrets.getSecret('AWS_SECRET_ACCESS_KEY'), ...(sessionToken && { sessionToken }),
    }))
  }
