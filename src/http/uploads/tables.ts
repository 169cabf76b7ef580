// Pictures that were sent ahead, by a presigned PUT, a hook or a bucket event.

export const UPLOAD_TABLES: readonly string[] = [
  `CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    source TEXT NOT NULL, -- 'upload' | 'r2' | a hook's name
    -- Given twice, the upload is made once (an event that came twice).
    dedupe_key TEXT UNIQUE,
    state TEXT NOT NULL, -- 'waiting' | 'stored' | 'expired'
    source_key TEXT, -- what its source calls it; NULL: it has no name there
    blob_key TEXT, -- in the store; NULL where the bucket has it
    bucket_key TEXT,
    -- While it waits: as announced.
    media_type TEXT,
    bytes INTEGER,
    sha256 TEXT,
    request TEXT, -- JSON: tasks, options, metadata to run on arrival; NULL: none
    callback TEXT, -- JSON
    metadata TEXT NOT NULL, -- JSON
    job_id TEXT,
    created_ms INTEGER NOT NULL,
    -- Its file is gone then; the row stays as long again, to say so.
    expires_ms INTEGER NOT NULL,
    deleted_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX uploads_by_expiry ON uploads (state, expires_ms)`,
  // Every file, known before it is written: none is left behind.
  `CREATE TABLE upload_blobs (
    blob_key TEXT PRIMARY KEY,
    upload_id TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX upload_blobs_by_expiry ON upload_blobs (expires_ms)`,
];

/** Version 2: the trace that a picture, its event and its job belong to. */
export const UPLOAD_TRACES: readonly string[] = [
  `ALTER TABLE uploads ADD COLUMN traceparent TEXT`,
];
