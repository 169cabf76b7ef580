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
    callback TEXT, -- JSON: endpoint_id or url, events, full
    source TEXT NOT NULL, -- 'api' | 'upload' | 'r2' | a hook's name
    traceparent TEXT,
    items INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER,
    -- Results are gone then; the row stays as long again, to say so.
    expires_ms INTEGER NOT NULL,
    deleted_ms INTEGER NOT NULL -- the row is gone, too
  ) STRICT`,
  `CREATE INDEX jobs_by_tenant ON jobs (tenant, created_ms)`,
  `CREATE INDEX jobs_by_principal ON jobs (principal, state)`,
  `CREATE INDEX jobs_by_expiry ON jobs (state, expires_ms)`,
  `CREATE TABLE job_items (
    job_id TEXT NOT NULL,
    item_index INTEGER NOT NULL,
    image TEXT NOT NULL, -- JSON: where it is found; bytes are a blob by then
    -- 'queued' | 'running' | 'completed' | 'partial' | 'failed' | 'cancelled';
    -- 'expired': to be told of as such, then deleted
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, -- times it was taken up
    failures INTEGER NOT NULL DEFAULT 0, -- of them, failed for its own reasons
    crashes INTEGER NOT NULL DEFAULT 0, -- of them, never heard of again
    due_ms INTEGER NOT NULL,
    hinted_ms INTEGER NOT NULL, -- when its last message comes
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
  // Every blob of a job, known before it is written: none is left behind.
  `CREATE TABLE job_blobs (
    blob_key TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    kind TEXT NOT NULL, -- 'image' | 'result'
    expires_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX job_blobs_by_job ON job_blobs (job_id)`,
  `CREATE INDEX job_blobs_by_expiry ON job_blobs (expires_ms)`,
  // What happened, for `GET /v1/jobs/{id}/events`; the id of an event is `seq`.
  `CREATE TABLE job_events (
    job_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL, -- JSON; a result is only pointed at
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (job_id, seq)
  ) STRICT`,
];
