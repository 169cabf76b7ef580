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
  // One row per key and window: what was counted in it.
  `CREATE TABLE usage_windows (
    principal TEXT NOT NULL,
    kind TEXT NOT NULL, -- 'requests' | 'images'
    window_start_ms INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (principal, kind, window_start_ms)
  ) STRICT`,
  `CREATE TABLE idempotency_keys (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL, -- of method, path, headers that matter, body
    state TEXT NOT NULL, -- 'running' | 'done'
    -- Whoever holds the token may finish it; a stale one may be taken over.
    token TEXT NOT NULL,
    status INTEGER,
    headers TEXT, -- JSON object
    body BLOB,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
  ) STRICT`,
];
