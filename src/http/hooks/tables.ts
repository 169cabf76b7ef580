// Messages of a bucket that could not be taken: they stand nowhere else.

export const HOOK_TABLES: readonly string[] = [
  `CREATE TABLE dead_events (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL, -- '': a message that names nobody's picture
    source_key TEXT, -- the picture's, where the message names one
    body TEXT NOT NULL, -- JSON, as it came
    problem TEXT NOT NULL, -- JSON: why it failed at last
    -- The same message may be brought twice.
    body_sha256 TEXT NOT NULL UNIQUE,
    died_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX dead_events_by_tenant ON dead_events (tenant, died_ms)`,
];
