// Ids of deliveries that have started a workflow: the service may send one twice.

/** Deliveries are sent again for somewhat more than a day. */
const KEPT_MS = 48 * 3600 * 1000;

/** So that the workflow's static data stays small. */
const MOST = 500;

/** Ids with the time they came, the oldest first. */
export type Seen = readonly (readonly [id: string, atMs: number])[];

/** Whether a delivery came before. */
export function hasSeen(seen: Seen, id: string): boolean {
  return seen.some(([one]) => one === id);
}

/** With one more; what is too old, or too much, is forgotten. */
export function remember(seen: Seen, id: string, nowMs: number): Seen {
  const fresh = seen.filter(([, atMs]) => nowMs - atMs < KEPT_MS);
  return [...fresh, [id, nowMs] as const].slice(-MOST);
}

/** What static data holds, which may be anything. */
export function readSeen(value: unknown): Seen {
  return Array.isArray(value)
    ? value.filter(
        (one): one is [string, number] =>
          Array.isArray(one) &&
          typeof one[0] === "string" &&
          typeof one[1] === "number",
      )
    : [];
}
