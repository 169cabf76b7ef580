// What whoever runs the service decides. Hosts read it from their environment
// through `parseServiceConfig`; nothing else reads an environment.

import * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";
import {
  fieldErrors,
  fieldOf,
  type Issue,
} from "../shared/schema/field-errors.ts";
import { isWebhookSecret } from "../shared/webhooks/standard-webhook.ts";

/** Name of a tenant, as everything that is kept bears it. */
export const TenantSchema = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}$/u, "1 to 64 letters, digits, - and _"),
);

/** A source of image-upload webhooks: `POST /v1/hooks/{name}`. */
const HookSource = v.pipe(
  v.strictObject({
    name: v.pipe(
      v.string(),
      v.regex(/^[a-z0-9-]{1,40}$/u, "1 to 40 small letters, digits and -"),
      v.check(
        (name) => !["upload", "r2", "api"].includes(name),
        "another name: upload, r2 and api are sources already",
      ),
    ),
    kind: v.picklist(["standard", "s3", "generic-hmac"]),
    /** `whsec_` and base64 for `standard`. */
    secret: v.pipe(v.string(), v.minLength(16, "at least 16 characters")),
    tenant: TenantSchema,
    /** What is asked of each picture, as the `tasks` of a request. */
    tasks: v.optional(v.array(v.unknown()), []),
  }),
  v.check(
    ({ kind, secret }) => kind !== "standard" || isWebhookSecret(secret),
    "a standard hook's secret is whsec_ and at least 16 bytes in base64",
  ),
);

/** An engine that another host of the service runs. */
const FarEngine = v.strictObject({
  /** What that host calls it, at its `/v1/engines`. */
  name: v.picklist(["container", "gpu"]),
  /** That host's address, without a slash at the end. */
  url: v.pipe(v.string(), v.url()),
});

export type FarEngine = v.InferOutput<typeof FarEngine>;

export type HookSource = v.InferOutput<typeof HookSource>;

export const ServiceConfigSchema = v.strictObject({
  /** What the service's own addresses begin with, without a slash at the end. */
  public_url: v.pipe(v.string(), v.url()),
  /**
   * At least 32 characters; signs upload addresses and internal requests and
   * seals the secrets that are kept.
   */
  secret: v.pipe(v.string(), v.minLength(32, "at least 32 characters")),
  /**
   * Everybody may do everything; for one's own machine only: `public_url` must
   * be a loopback address.
   */
  open_mode: v.optional(v.boolean(), false),
  /** A bearer token that may make the first API keys, of any tenant. */
  admin_key: v.exactOptional(
    v.pipe(
      v.string(),
      v.regex(
        /^[A-Za-z0-9\-._~+/]{32,}=*$/u,
        "at least 32 characters: letters, digits and -._~+/",
      ),
    ),
  ),
  /** Tokens of these issuers are taken beside API keys. */
  jwt: v.exactOptional(
    v.strictObject({
      /** Where the issuer shows its public keys; https, or this machine. */
      jwks_url: v.pipe(v.string(), v.url()),
      issuer: v.pipe(v.string(), v.minLength(1, "the tokens' iss")),
      audience: v.pipe(v.string(), v.minLength(1, "the tokens' aud")),
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
  /** What is asked of each picture that comes into the bucket, by tenant. */
  bucket_tasks: v.optional(v.record(TenantSchema, v.array(v.unknown())), {}),
  /** Engines on other hosts, which have the same `secret`; the cheapest first. */
  engines: v.optional(v.array(FarEngine), []),
  /** How long results, uploads and features are kept, in seconds. */
  keep_seconds: v.optional(v.pipe(v.number(), v.minValue(60)), 86_400),
  /**
   * How long one image of a job may be at work; after that it may be taken up
   * again, so an engine must not be slower.
   */
  attempt_seconds: v.optional(v.pipe(v.number(), v.minValue(1)), 120),
  /** After how long the sweep hints again at what is due. */
  hint_seconds: v.optional(v.pipe(v.number(), v.minValue(1)), 60),
});

export type ServiceConfig = v.InferOutput<typeof ServiceConfigSchema>;

/**
 * The configuration of what a host read from its environment.
 *
 * @param nameOf what whoever runs the service calls a field, for the message.
 * @throws FlorenceError `invalid_request` naming the fields and what they take;
 *   never a value, which may be a secret.
 */
export function parseServiceConfig(
  settings: unknown,
  nameOf: (field: string) => string = (field) => field,
): ServiceConfig {
  const parsed = v.safeParse(ServiceConfigSchema, settings);
  if (!parsed.success) {
    throw wrongConfig(
      fieldErrors(parsed.issues, "", describeIssue).map(
        ({ pointer, detail }) => {
          const [field = "", ...rest] = pointer.slice(1).split("/");
          return [[nameOf(field), ...rest].join("."), detail];
        },
      ),
    );
  }
  const config = parsed.output;
  if (config.open_mode && !isLoopback(config.public_url)) {
    throw wrongConfig([
      [
        nameOf("open_mode"),
        `lets everybody in, but ${nameOf("public_url")} is no address of this machine only, such as http://127.0.0.1:8080. Leave it out and make API keys`,
      ],
    ]);
  }
  const jwksUrl = config.jwt?.jwks_url;
  if (jwksUrl !== undefined && !isTrustworthy(jwksUrl)) {
    throw wrongConfig([
      [
        `${nameOf("jwt")}.jwks_url`,
        "must begin with https:// so that nobody on the way can put in keys",
      ],
    ]);
  }
  return config;
}

/** Better words than the schema's own, and none that repeat a secret. */
function describeIssue(issue: Issue): string | null {
  if (issue.type === "url")
    return "no address such as https://florence.example.com";
  const isSecret = ["secret", "admin_key"].includes(fieldOf(issue));
  return isSecret && issue.kind === "schema" && issue.input !== undefined
    ? "must be text"
    : null;
}

function wrongConfig(faults: readonly (readonly string[])[]): FlorenceError {
  const list = faults.map(([name, fault]) => `${name!}: ${fault!}`).join("; ");
  return new FlorenceError(
    "invalid_request",
    `The service's configuration is wrong. ${list}.`,
  );
}

/** Whether an address can only be reached from the machine itself. */
function isLoopback(address: string): boolean {
  const { hostname } = new URL(address);
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/u.test(hostname)
  );
}

/** Whether nobody between here and there can change an answer. */
function isTrustworthy(address: string): boolean {
  return new URL(address).protocol === "https:" || isLoopback(address);
}
