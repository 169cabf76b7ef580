// The ways to name a picture in a request. Exactly one is used at a time.

/** `image` of a request, parsed; bytes that came with the request are at hand. */
export type ImageReference =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "upload"; readonly uploadId: string }
  | { readonly kind: "bucket"; readonly key: string }
  | { readonly kind: "feature"; readonly featureId: string };
