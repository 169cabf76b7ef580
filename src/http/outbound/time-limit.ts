// A request's time: runs out for the headers first, then for all of it, and at
// once when whoever waits is gone.

/** Whoever starts it stops it. */
export interface TimeLimit {
  /** Aborted when time is up, the caller is gone, or the limit is stopped. */
  readonly signal: AbortSignal;
  /**
   * Waits for work, but no longer than there is time, whatever the work makes
   * of the signal.
   *
   * @throws what `expired` or `aborted` makes; else what the work throws.
   */
  race<T>(work: Promise<T>): Promise<T>;
  /** Says that the headers are here. */
  headersCame(): void;
  /** Frees what is still open. */
  stop(): void;
}

export interface TimeLimitOptions {
  readonly headersMs: number;
  readonly wholeMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Makes the error for time that ran out. */
  readonly expired: (afterMs: number) => Error;
  /** Makes the error for an aborted signal. */
  readonly aborted: () => Error;
}

export function startTimeLimit(options: TimeLimitOptions): TimeLimit {
  const { signal, wholeMs } = options;
  const headersMs = Math.min(options.headersMs, wholeMs);
  const controller = new AbortController();
  const end = Promise.withResolvers<never>();
  // Nobody may be waiting when time runs out.
  end.promise.catch(() => undefined);

  const finish = (error: Error): void => {
    // First, so that this error is seen before any the signal brings about.
    end.reject(error);
    controller.abort(error);
  };
  const expireAfter = (ms: number) =>
    setTimeout(() => {
      finish(options.expired(ms));
    }, ms);
  const wholeTimer = expireAfter(wholeMs);
  const headersTimer = expireAfter(headersMs);
  const abort = (): void => {
    finish(options.aborted());
  };
  signal?.addEventListener("abort", abort);
  return {
    signal: controller.signal,
    race: (work) => {
      work.catch(() => undefined);
      return Promise.race([end.promise, work]);
    },
    headersCame: () => {
      clearTimeout(headersTimer);
    },
    stop: () => {
      clearTimeout(wholeTimer);
      clearTimeout(headersTimer);
      signal?.removeEventListener("abort", abort);
      controller.abort();
    },
  };
}
