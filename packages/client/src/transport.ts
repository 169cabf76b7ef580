// One request and its repetitions.

import { apiError, FlorenceApiError } from "./florence-api-error.ts";

export interface ClientOptions {
  /** Address of the service, such as `https://florence.example.com`. */
  readonly baseUrl: string;
  /** Left out where the service runs in open mode. */
  readonly apiKey?: string;
  /** Other than the platform's own. */
  readonly fetch?: typeof fetch;
  /** Further tries of a request that may do later; 3 if left out. */
  readonly maxRetries?: number;
  /** Longest wait before another try, in seconds; 60 if left out. */
  readonly maxRetrySeconds?: number;
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface SendOptions extends CallOptions {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is; made anew for each try. */
  readonly body?: () => BodyInit;
}

export interface Transport {
  /**
   * Sends a request, again where that may help.
   *
   * @throws FlorenceApiError for an answer of 400 or above.
   */
  send(path: string, options?: SendOptions): Promise<Response>;
}

const FIRST_PAUSE_SECONDS = 0.5;

export function createTransport(options: ClientOptions): Transport {
  const { apiKey, maxRetries = 3, maxRetrySeconds = 60 } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/u, "");
  // Called as a method, the platform's fetch throws in browsers.
  const send = options.fetch ?? ((input, init) => fetch(input, init));

  return {
    async send(path, { method = "GET", headers, json, body, signal } = {}) {
      for (let attempt = 0; ; attempt += 1) {
        const isLast = attempt >= maxRetries;
        let failure: unknown;
        try {
          const response = await send(baseUrl + path, {
            method,
            headers: {
              ...(apiKey !== undefined && {
                Authorization: `Bearer ${apiKey}`,
              }),
              ...(json !== undefined && { "Content-Type": "application/json" }),
              ...headers,
            },
            ...(json !== undefined && { body: JSON.stringify(json) }),
            ...(body !== undefined && { body: body() }),
            ...(signal !== undefined && { signal }),
          });
          if (response.ok) return response;
          failure = await apiError(response);
        } catch (error) {
          signal?.throwIfAborted();
          failure = error;
        }
        if (isLast || !mayDoLater(failure)) throw failure;
        await pause(pauseSeconds(failure, attempt, maxRetrySeconds), signal);
      }
    },
  };
}

/** The service says so, or could not be reached. */
function mayDoLater(failure: unknown): boolean {
  if (failure instanceof FlorenceApiError) {
    return failure.status === 504 ? false : failure.retryable;
  }
  return failure instanceof TypeError;
}

function pauseSeconds(
  failure: unknown,
  attempt: number,
  maxSeconds: number,
): number {
  const stated =
    failure instanceof FlorenceApiError ? failure.retryAfter : null;
  return Math.min(maxSeconds, stated ?? FIRST_PAUSE_SECONDS * 2 ** attempt);
}

/** Waits; an abort ends it. */
export async function pause(
  seconds: number,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
