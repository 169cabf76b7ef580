// API keys, what they have used, and answers kept for repeated requests.

export const AUTH_TABLES: readonly string[] = [
  `CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    -- SHA-256 of the key, hexadecimal; keys are 256 random bits, no passwords
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL, -- JSON array
    rate_per_minute INTEGER, -- NULL: the service's own
    images_per_month INTEGER, -- NULL: the service's own
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER
  ) STRICT`,
  `CREATE INDEX api_keys_by_age ON api_keys (created_ms, id)`,
  // One row per key and window: what was counted in it.
  `CREATE TABLE usage_windows (
    principal TEXT NOT NULL,
    kind TEXT NOT NULL, -- 'requests' | 'images'
    window_start_ms INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (principal, kind, window_start_ms)
  ) STRICT`,
  `CREATE INDEX usage_windows_by_age ON usage_windows (kind, window_start_ms)`,
  `CREATE TABLE idempotency_keys (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL, -- of method, path, query, media type, body
    state TEXT NOT NULL, -- 'running' | 'done'
    -- Whoever holds the token may finish it, and renews the lease until then.
    token TEXT NOT NULL,
    lease_until_ms INTEGER NOT NULL,
    status INTEGER,
    headers TEXT, -- JSON: pairs
    body TEXT, -- NULL where it is a blob, or none
    blob_key TEXT,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
  ) STRICT`,
  `CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_ms)`,
];
