// The headers of answers, as OpenAPI describes them.

/** `components.headers`. */
export const HEADERS = {
  "X-Request-Id": {
    description: "Names this request in logs and reports.",
    schema: { type: "string" },
  },
  "Server-Timing": {
    description: "What the parts of the work took, in milliseconds.",
    schema: { type: "string" },
  },
  RateLimit: {
    description:
      "What is left of the limit, and when it is whole again (draft-ietf-httpapi-ratelimit-headers).",
    schema: { type: "string" },
  },
  "RateLimit-Policy": {
    description: "The limit and its window.",
    schema: { type: "string" },
  },
  "Retry-After": {
    description: "Seconds after which another try makes sense.",
    schema: { type: "string" },
  },
  "Idempotency-Replayed": {
    description:
      "`true`: the answer of an earlier request with the same Idempotency-Key.",
    schema: { type: "string", const: "true" },
  },
  Location: {
    description: "Where the job can be asked for.",
    schema: { type: "string" },
  },
  "WWW-Authenticate": {
    description: "How to authenticate.",
    schema: { type: "string" },
  },
} as const satisfies Record<string, object>;

export type HeaderName = keyof typeof HEADERS;
