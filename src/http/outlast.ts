// Waiting for what another request brings about.

const TICK_MS = 1000;

/**
 * Awaits something that another request will settle.
 *
 * workerd cancels a request as hung when nothing of its own is pending, and
 * another request's promise is not its own; a running timer is.
 */
export async function outlast<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, TICK_MS);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}
