// Pictures that were sent ahead, by a presigned PUT, a hook or a bucket event.

export const UPLOAD_TABLES: readonly string[] = [
  `CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    source TEXT NOT NULL, -- 'upload' | 'r2' | a hook's name
    -- Given twice, the upload is made once (an event that came twice).
    dedupe_key TEXT UNIQUE,
    state TEXT NOT NULL, -- 'waiting' | 'stored'
    blob_key TEXT, -- in the store; NULL where the bucket has it
    bucket_key TEXT,
    media_type TEXT,
    bytes INTEGER,
    sha256 TEXT,
    request TEXT, -- JSON: tasks, options, metadata to run on arrival
    callback TEXT, -- JSON
    job_id TEXT,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX uploads_by_expiry ON uploads (expires_ms)`,
];
