-- An upload that can be continued by whoever holds upload_id, on any replica: what has come so far is in S3, where it is stands here.
-- Its file is `uploading` with a lease that never lapses: it lives while its session lives. id is internal (logs, traces);
-- upload_id is the customer's secret, of the form of a session id.
CREATE TABLE uploads (
    id              uuid        PRIMARY KEY,
    upload_id       text        NOT NULL UNIQUE CHECK (upload_id ~ '^[0-7][0-9a-hjkmnp-tv-z]{25}$'),
    session         uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    -- Null once the file's row is gone: refused, terminated, expired. The upload is remembered as long as its session.
    file            uuid        UNIQUE REFERENCES files ON DELETE SET NULL,
    created_at      timestamptz NOT NULL,
    completed_at    timestamptz,

    -- What the client said about it. length is null while it is deferred.
    length          bigint      CHECK (length > 0),
    declared_type   text        CHECK (char_length(declared_type) <= 255),
    declared_sha256 bytea       CHECK (octet_length(declared_sha256) = 32),
    metadata        text        CHECK (char_length(metadata) <= 4096),
    concat          text        CHECK (concat = 'partial' OR concat LIKE 'final;%'),

    -- The bytes that are durable: whole parts of a multipart upload, and behind them a tail of less than a part in an object of its
    -- own. The last part of a file may be shorter.
    received        bigint      NOT NULL DEFAULT 0 CHECK (received >= 0),
    part_size       integer     NOT NULL CHECK (part_size > 0),
    multipart_id    text,
    part_etags      text[]      NOT NULL DEFAULT '{}',
    tail_key        text,
    tail_size       integer     NOT NULL DEFAULT 0 CHECK (tail_size >= 0),

    -- One writer at a time: the process `holder` until held_until. Every taking counts generation up, so that a writer who lost the
    -- upload cannot change it any more. wanted: somebody else asks the holder to let go.
    holder          uuid,
    held_until      timestamptz,
    generation      bigint      NOT NULL DEFAULT 0,
    wanted          boolean     NOT NULL DEFAULT false,

    CHECK (received <= length),
    CHECK (multipart_id IS NOT NULL OR cardinality(part_etags) = 0),
    CHECK ((tail_key IS NULL) = (tail_size = 0)),
    CHECK ((holder IS NULL) = (held_until IS NULL))
);

-- Serves the limits of a session, the look-up of an earlier concatenation, and the cascade from sessions.
CREATE INDEX uploads_of_session ON uploads (session);

-- Serves the Janitor: uploads that were begun a file's lifetime ago.
CREATE INDEX uploads_age ON uploads (created_at) WHERE file IS NOT NULL;

-- A session that ends takes its resumable uploads along, finished or not, for the same reason as its stored files. An upload in one
-- request is still left to that request, which finds its session closed.
CREATE OR REPLACE FUNCTION mark_files_of_ended_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE files SET status = 'deleting', lease_until = NULL
    WHERE session = NEW.id
        AND (status = 'stored' OR status = 'uploading' AND EXISTS (SELECT FROM uploads WHERE uploads.file = files.id));
    RETURN NULL;
END;
$$;
