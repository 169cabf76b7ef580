// The `Prefer` header (RFC 7240): whether to wait for an answer, and how long.

import type { Parameter } from "../operation.ts";

/** Longest wait in seconds; a longer wish is cut to it. */
export const MAX_WAIT_SECONDS = 60;

/** For every door that may answer with a job. */
export const PREFER: Parameter = {
  name: "Prefer",
  in: "header",
  description: `\`respond-async\`: as a job. \`wait=20\`: the answer if it is there within so many seconds, at most ${MAX_WAIT_SECONDS}, else a job (RFC 7240).`,
};

export interface Preference {
  /** Seconds to wait for the answer; null if nothing is said. */
  readonly waitSeconds: number | null;
  /** Whether the answer may, or shall, come later. */
  readonly isAsync: boolean;
}

/**
 * What a request prefers. A preference that is not known, or not well formed,
 * is no mistake (RFC 7240, section 2): it is not applied.
 */
export function preferOf(request: Request): Preference {
  let waitSeconds: number | null = null;
  let isAsync = false;
  for (const part of (request.headers.get("Prefer") ?? "").split(",")) {
    const [preference = ""] = part.split(";");
    const [name = "", value = ""] = preference.split("=", 2);
    const token = name.trim().toLowerCase();
    const given = value.trim().replaceAll('"', "");
    // The first of two counts (section 2).
    if (token === "respond-async") isAsync = true;
    if (token === "wait" && waitSeconds === null && /^\d{1,9}$/u.test(given)) {
      waitSeconds = Math.min(Number(given), MAX_WAIT_SECONDS);
    }
  }
  return { waitSeconds, isAsync };
}

/** `Preference-Applied` of an answer; none if nothing was preferred. */
export function preferenceHeaders({
  waitSeconds,
  isAsync,
}: Preference): Readonly<Record<string, string>> {
  const applied = [
    ...(isAsync ? ["respond-async"] : []),
    ...(waitSeconds === null ? [] : [`wait=${waitSeconds}`]),
  ];
  return applied.length === 0
    ? {}
    : { "Preference-Applied": applied.join(", ") };
}
