// Vision passes kept for more questions about the same picture.

export const FEATURE_TABLES: readonly string[] = [
  `CREATE TABLE features (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    model_revision TEXT NOT NULL,
    input_size INTEGER NOT NULL,
    blob_key TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    UNIQUE (tenant, sha256, model_revision, input_size)
  ) STRICT`,
  `CREATE INDEX features_by_expiry ON features (expires_ms)`,
  // Answers kept because `options.store` asked for it: GET /v1/analyses/{id}.
  `CREATE TABLE analyses (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    body TEXT NOT NULL, -- JSON: the envelope
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX analyses_by_expiry ON analyses (expires_ms)`,
];
