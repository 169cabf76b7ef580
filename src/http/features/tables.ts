// Vision passes kept for more questions about the same picture, and answers
// kept because they were asked to be. What has expired is known as expired for
// a week: its row stays, without what it held.

export const FEATURE_TABLES: readonly string[] = [
  `CREATE TABLE features (
    -- Made of tenant, image, model and size: the same pass has the same id.
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    blob_key TEXT, -- NULL once it is deleted
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX features_by_expiry ON features (expires_ms)`,
  // Answers kept because \`options.store\` asked for it: GET /v1/analyses/{id}.
  `CREATE TABLE analyses (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    body TEXT, -- JSON: the envelope; NULL where it is a blob, or deleted
    blob_key TEXT,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX analyses_by_expiry ON analyses (expires_ms)`,
];
