// Functions of a worker, called from the page: `{ act, args }` in, `{ value }` or
// `{ error }` out.

type Acts = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

interface Ask {
  readonly act: string;
  readonly args: never[];
}

/** Answers the page that made this worker. */
export function answerWith(acts: Acts): void {
  self.addEventListener("message", ({ data }: MessageEvent<Ask>) => {
    const { act, args } = data;
    acts[act]!(...args)
      .then((value) => ({ value }))
      .catch((error: unknown) => ({
        error: error instanceof Error ? error.stack : String(error),
      }))
      .then((reply) => {
        // `self` is typed as any global scope; this one is a worker's.
        (
          self as unknown as { postMessage(message: unknown): void }
        ).postMessage(reply);
      })
      .catch(console.error);
  });
}
