// On whose behalf a request is answered.

/** What a key may be used for. */
export const SCOPES = [
  "analyze",
  "jobs",
  "uploads",
  "webhooks",
  "admin",
] as const;

export type Scope = (typeof SCOPES)[number];

/** Who asks. Everything that is kept belongs to the tenant. */
export interface Principal {
  /** 1 to 64 letters, digits, `-` and `_`. */
  readonly tenant: string;
  /** The API key's id, the token's subject, or `open`; of one tenant only. */
  readonly id: string;
  readonly scopes: readonly Scope[];
  /** Requests it may make a minute; the service's own number if left out. */
  readonly ratePerMinute?: number;
  /** Images it may have answered a month; the service's own if left out. */
  readonly imagesPerMonth?: number;
}

/** Everybody, where the host runs in open mode. */
export const OPEN_PRINCIPAL: Principal = {
  tenant: "local",
  id: "open",
  scopes: SCOPES,
};
