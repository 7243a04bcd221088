/** A type of Node's that the SDK's declarations name. */
interface Buffer extends Uint8Array {}
