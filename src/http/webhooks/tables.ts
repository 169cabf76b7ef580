// Where events are sent, and every event to every receiver as one delivery. A
// delivery that is due is a row with `state = 'pending'` and `due_ms` in the
// past: rows are the outbox.

export const WEBHOOK_TABLES: readonly string[] = [
  `CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL, -- JSON array
    sources TEXT, -- JSON array; NULL: all
    tasks TEXT, -- JSON array of spellings; NULL: all
    is_full INTEGER NOT NULL DEFAULT 0, -- 1: bodies carry the result, too
    secret TEXT NOT NULL, -- sealed
    previous_secret TEXT, -- sealed
    previous_valid_until_ms INTEGER,
    created_ms INTEGER NOT NULL,
    UNIQUE (tenant, principal, url)
  ) STRICT`,
  `CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, -- the webhook-id that consumers dedupe on
    tenant TEXT NOT NULL,
    endpoint_id TEXT, -- NULL: a job's own callback URL
    url TEXT NOT NULL,
    event_type TEXT NOT NULL,
    -- What happened, once: 'job_1:0:analysis.completed'; a receiver hears of it once.
    event_key TEXT NOT NULL,
    body TEXT NOT NULL, -- JSON, sent as it is
    traceparent TEXT, -- of what it tells of; sent along
    state TEXT NOT NULL, -- 'pending' | 'delivered' | 'dead'
    attempts INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER NOT NULL,
    hinted_ms INTEGER NOT NULL, -- when its last message comes
    lease_token TEXT,
    lease_until_ms INTEGER,
    last_status INTEGER,
    last_error TEXT,
    history TEXT NOT NULL DEFAULT '[]', -- JSON: one object for each attempt
    created_ms INTEGER NOT NULL,
    delivered_ms INTEGER
  ) STRICT`,
  `CREATE UNIQUE INDEX deliveries_once ON deliveries (event_key, coalesce(endpoint_id, url))`,
  `CREATE INDEX deliveries_due ON deliveries (state, due_ms)`,
  `CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, created_ms)`,
];
