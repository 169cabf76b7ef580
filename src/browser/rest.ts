// Lets messages in while a worker computes.

/** Time between two turns of others: an abort is heard within it. */
const REST_EVERY_MS = 50;

/**
 * Gives the event loop a turn, if the last one is long enough ago. Timers would
 * cost 4 ms each time.
 */
export function createRest(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  let last = performance.now();
  return async () => {
    if (performance.now() - last < REST_EVERY_MS) return;
    await new Promise<void>((resolve) => {
      port1.onmessage = () => {
        resolve();
      };
      port2.postMessage(null);
    });
    last = performance.now();
  };
}
