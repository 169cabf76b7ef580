// Jobs: each a list of images and the tasks asked of all of them. Rows are the
// outbox, too: an item that is due is a row with `state = 'queued'` and
// `due_ms` in the past, whatever became of its message.

export const JOB_TABLES: readonly string[] = [
  `CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    -- Given twice, the job is made once (an upload's tasks, a bucket event).
    dedupe_key TEXT UNIQUE,
    -- 'queued' | 'running' | 'completed' | 'partial' | 'failed' | 'cancelled' | 'expired'
    state TEXT NOT NULL,
    request TEXT NOT NULL, -- JSON: tasks, options, metadata, as parsed
    callback TEXT, -- JSON: endpoint_id or url, events
    source TEXT NOT NULL, -- 'api' | 'upload' | 'r2' | a hook's name
    traceparent TEXT,
    items INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER,
    expires_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX jobs_by_tenant ON jobs (tenant, created_ms)`,
  `CREATE INDEX jobs_by_expiry ON jobs (expires_ms)`,
  `CREATE TABLE job_items (
    job_id TEXT NOT NULL,
    item_index INTEGER NOT NULL,
    image TEXT NOT NULL, -- JSON: as in a request; bytes are uploads by then
    -- 'queued' | 'running' | 'completed' | 'partial' | 'failed' | 'cancelled'
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER NOT NULL,
    -- Of the attempt at work: only its holder may write the result.
    lease_token TEXT,
    lease_until_ms INTEGER,
    PRIMARY KEY (job_id, item_index)
  ) STRICT`,
  `CREATE INDEX job_items_due ON job_items (state, due_ms)`,
  // One result per job and image, written once; its usage is counted with it.
  `CREATE TABLE job_results (
    job_id TEXT NOT NULL,
    item_index INTEGER NOT NULL,
    lease_token TEXT NOT NULL,
    analysis_id TEXT, -- NULL where it failed
    body TEXT, -- JSON: an envelope, or a problem; NULL where it is a blob
    blob_key TEXT,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (job_id, item_index)
  ) STRICT`,
  // What happened, for `GET /v1/jobs/{id}/events`; the id of an event is `seq`.
  `CREATE TABLE job_events (
    job_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL, -- JSON
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (job_id, seq)
  ) STRICT`,
];
