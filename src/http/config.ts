// What whoever runs the service decides. Hosts read it from their environment
// through `parseServiceConfig`; nothing else reads an environment.

import * as v from "valibot";

const Tenant = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}$/u, "1 to 64 letters, digits, - and _"),
);

/** A source of image-upload webhooks: `POST /v1/hooks/{name}`. */
const HookSource = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/u)),
  kind: v.picklist(["standard", "s3", "generic-hmac"]),
  secret: v.pipe(v.string(), v.minLength(16, "at least 16 characters")),
  tenant: Tenant,
  /** What is asked of each picture, as the `tasks` of a request. */
  tasks: v.optional(v.array(v.unknown()), []),
});

export type HookSource = v.InferOutput<typeof HookSource>;

export const ServiceConfigSchema = v.strictObject({
  /** What the service's own addresses begin with, without a slash at the end. */
  public_url: v.pipe(v.string(), v.url()),
  /**
   * At least 32 characters; signs upload addresses and internal requests and
   * seals the secrets that are kept.
   */
  secret: v.pipe(v.string(), v.minLength(32, "at least 32 characters")),
  /** Everybody may do everything; for one's own machine only. */
  open_mode: v.optional(v.boolean(), false),
  /** Tokens of these issuers are taken beside API keys. */
  jwt: v.exactOptional(
    v.strictObject({
      jwks_url: v.pipe(v.string(), v.url()),
      issuer: v.string(),
      audience: v.string(),
      /** Claim that names the tenant. */
      tenant_claim: v.optional(v.string(), "tenant"),
    }),
  ),
  /** Requests a minute for each key that has no limit of its own. */
  rate_per_minute: v.optional(v.pipe(v.number(), v.minValue(1)), 600),
  /** Images a month for each key that has none of its own; none if left out. */
  images_per_month: v.exactOptional(v.pipe(v.number(), v.minValue(1))),
  /**
   * Hosts (`name` or `name:port`) that image URLs, callbacks and webhook
   * endpoints may name although the address rules forbid them.
   */
  address_exemptions: v.optional(v.array(v.string()), []),
  hooks: v.optional(v.array(HookSource), []),
  /** How long results, uploads and features are kept, in seconds. */
  keep_seconds: v.optional(v.pipe(v.number(), v.minValue(60)), 86_400),
});

export type ServiceConfig = v.InferOutput<typeof ServiceConfigSchema>;
