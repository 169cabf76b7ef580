// One request to a Hub-compatible server, redirects followed by hand: the token
// goes to the first origin only, and what the first answer says of the file is
// kept.

import { FlorenceError, throwIfAborted } from "../shared/errors.ts";

export interface HubAccess {
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HubResponse {
  readonly response: Response;
  /** `X-Linked-Etag` of the first answer: the sha256 of a large file. */
  readonly linkedEtag: string | null;
}

const MOST_REDIRECTS = 5;

/**
 * Sends a GET and follows redirects. The endpoint is the user's own setting;
 * where it redirects to is not ours to choose, so nothing secret goes there.
 *
 * @throws FlorenceError `unauthenticated` (401), `forbidden` (403),
 *   `not_found` (404), `url_fetch_failed` for the rest but 416, which is
 *   returned.
 */
export async function requestHub(
  url: string,
  headers: Readonly<Record<string, string>>,
  access: HubAccess,
): Promise<HubResponse> {
  const start = new URL(url);
  let current = start;
  let linkedEtag: string | null = null;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
    const isHome = current.origin === start.origin;
    const response = await send(current, access, {
      ...headers,
      ...(isHome && access.token !== undefined
        ? { authorization: `Bearer ${access.token}` }
        : {}),
    });
    linkedEtag ??=
      response.headers.get("x-linked-etag")?.replaceAll('"', "") ?? null;
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      current = checkHop(new URL(location, current), start);
      continue;
    }
    if (response.ok || response.status === 416) return { response, linkedEtag };
    await response.body?.cancel();
    throw refusal(response.status, start, access.token !== undefined);
  }
  throw new FlorenceError(
    "url_fetch_failed",
    `${start.host} redirects more than ${MOST_REDIRECTS} times. Check HF_ENDPOINT.`,
  );
}

async function send(
  url: URL,
  access: HubAccess,
  headers: Record<string, string>,
): Promise<Response> {
  throwIfAborted(access.signal);
  try {
    return await fetch(url, {
      headers,
      redirect: "manual",
      signal: access.signal ?? null,
    });
  } catch (cause) {
    throwIfAborted(access.signal);
    throw new FlorenceError(
      "url_fetch_failed",
      `${url.host} does not answer. Check the network and HF_ENDPOINT, then pull again: it goes on where it stopped.`,
      { cause, retryable: true },
    );
  }
}

function checkHop(next: URL, start: URL): URL {
  const isAllowed =
    next.protocol === "https:" ||
    (next.protocol === "http:" && start.protocol === "http:");
  if (isAllowed) return next;
  throw new FlorenceError(
    "url_fetch_failed",
    `${start.host} redirects to a ${next.protocol} address, which is not followed.`,
  );
}

function refusal(status: number, url: URL, hasToken: boolean): FlorenceError {
  const where = `${url.host}${url.pathname}`;
  if (status === 401) {
    return new FlorenceError(
      "unauthenticated",
      hasToken
        ? `${url.host} refuses the token. Make a new one and set HF_TOKEN.`
        : `${where} is private, gated or not there. Set HF_TOKEN to a token that may read it, and check the name.`,
    );
  }
  if (status === 403) {
    return new FlorenceError(
      "forbidden",
      `${where} may not be read with this token. Accept the model's terms on its page, or ask its owner.`,
    );
  }
  if (status === 404) {
    return new FlorenceError(
      "not_found",
      `${where} does not exist. Check the repository's name and the revision.`,
    );
  }
  return new FlorenceError(
    "url_fetch_failed",
    `${url.host} answered ${status}. Try again later: the download goes on where it stopped.`,
    { retryable: status >= 500 || status === 429 },
  );
}
