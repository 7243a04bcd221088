/** How many bytes a body may have where nothing else is said. */
export const BODY_LIMIT = 1024 * 1024
