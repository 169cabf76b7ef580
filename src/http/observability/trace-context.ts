// W3C Trace Context: a request's place in a trace that others began, or in one
// of its own.

/** Version 00 (Trace Context level 1, section 3.2.2). */
const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/u;

/** One of our own steps in a trace. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits: this step's. */
  readonly spanId: string;
  /** The step that called us; null where the trace begins here. */
  readonly parentId: string | null;
  /** As header: what is passed on, and answered. */
  readonly traceparent: string;
}

/**
 * The next step of the trace in a `traceparent` header; of a new one if there is
 * none, or none that can be read (section 3.2.2: it is ignored then).
 */
export function traceOf(header: string | null | undefined): Trace {
  const found = FORM.exec(header?.trim() ?? "");
  const [, given = "", parent = "", givenFlags = ""] = found ?? [];
  // Ids of zeros only are forbidden.
  const isKnown = /[1-9a-f]/u.test(given) && /[1-9a-f]/u.test(parent);
  const traceId = isKnown ? given : randomHex(16);
  const spanId = randomHex(8);
  // 01: whoever began it keeps it; other bits are not ours to pass on.
  const isSampled = !isKnown || (Number.parseInt(givenFlags, 16) & 1) === 1;
  return {
    traceId,
    spanId,
    parentId: isKnown ? parent : null,
    traceparent: `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`,
  };
}

function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return [...random].map((one) => one.toString(16).padStart(2, "0")).join("");
}
