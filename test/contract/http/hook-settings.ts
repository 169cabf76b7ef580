// The hooks that every target of the HTTP contract is configured with.

export const STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const HMAC_SECRET = "a secret of the camera";
export const S3_SECRET = "a-token-of-the-storage";

/** `FLORENCE_HOOKS`; their pictures are the first tenant's. */
export const HOOKS = JSON.stringify([
  {
    name: "shop",
    kind: "standard",
    secret: STANDARD_SECRET,
    tenant: "first",
  },
  {
    name: "camera",
    kind: "generic-hmac",
    secret: HMAC_SECRET,
    tenant: "first",
  },
  { name: "nas", kind: "s3", secret: S3_SECRET, tenant: "first" },
]);
