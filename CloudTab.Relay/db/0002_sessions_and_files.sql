-- id is internal (logs, traces, foreign keys); session_id is the customer's secret and never leaves for anybody but the
-- customer and the shop.
CREATE TABLE sessions (
    id            uuid        PRIMARY KEY,
    shop_id       text        NOT NULL REFERENCES shops,
    session_id    text        NOT NULL UNIQUE CHECK (session_id ~ '^[0-7][0-9a-hjkmnp-tv-z]{25}$'),
    pickup_code   text        NOT NULL CHECK (pickup_code ~ '^[23456789ABCDEFGHJKMNPQRSTVWXYZ]{6}$'),
    customer_name text        CHECK (char_length(customer_name) BETWEEN 1 AND 200),
    status        text        NOT NULL CHECK (status IN ('open', 'pending', 'processing', 'completed', 'cancelled', 'expired')),
    -- Stored files and their bytes while the session lives; what it held when it ended.
    file_count    integer     NOT NULL DEFAULT 0 CHECK (file_count >= 0),
    total_size    bigint      NOT NULL DEFAULT 0 CHECK (total_size >= 0),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    submitted_at  timestamptz,
    claimed_by    uuid        REFERENCES api_keys,
    claimed_until timestamptz,
    ended_at      timestamptz,
    CHECK (status <> 'open' OR submitted_at IS NULL),
    CHECK (status NOT IN ('pending', 'processing', 'completed') OR submitted_at IS NOT NULL),
    CHECK ((status = 'processing') = (claimed_until IS NOT NULL)),
    CHECK (status <> 'processing' OR claimed_by IS NOT NULL),
    CHECK ((status IN ('completed', 'cancelled', 'expired')) = (ended_at IS NOT NULL))
);

-- A pickup code names one live session of a shop.
CREATE UNIQUE INDEX sessions_live_pickup_code ON sessions (shop_id, pickup_code)
    WHERE status IN ('open', 'pending', 'processing');

-- Serves the look-up by pickup code of a session that has ended (complete is idempotent), newest first.
CREATE INDEX sessions_pickup_code ON sessions (shop_id, pickup_code, created_at DESC);

-- Serves the pending list, newest first, page by page.
CREATE INDEX sessions_pending ON sessions (shop_id, created_at DESC, id DESC)
    WHERE status = 'pending' AND file_count > 0;

-- Serves the Janitor: sessions past their time, lapsed claims, ended sessions to purge.
CREATE INDEX sessions_live_expiry ON sessions (expires_at) WHERE status IN ('open', 'pending', 'processing');
CREATE INDEX sessions_claimed_until ON sessions (claimed_until) WHERE status = 'processing';
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- uploading: bytes are on their way to object_key, owned by a process until lease_until.
-- stored: the object is complete.
-- deleting: not to be read again, the object may still be there; whoever removes it has it to itself until lease_until.
-- deleted: the object is gone.
CREATE TABLE files (
    id          uuid        PRIMARY KEY,
    session     uuid        NOT NULL REFERENCES sessions,
    name        text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    object_key  text        NOT NULL UNIQUE,
    status      text        NOT NULL CHECK (status IN ('uploading', 'stored', 'deleting', 'deleted')),
    created_at  timestamptz NOT NULL,
    lease_until timestamptz,
    type        text,
    size        bigint      CHECK (size > 0),
    sha256      bytea       CHECK (octet_length(sha256) = 32),
    -- Counts up in the order in which a session's files were stored.
    position    integer,
    stored_at   timestamptz,
    CHECK (status <> 'uploading' OR lease_until IS NOT NULL),
    CHECK (status NOT IN ('stored', 'deleted') OR lease_until IS NULL),
    CHECK (status <> 'stored'
        OR (type IS NOT NULL AND size IS NOT NULL AND sha256 IS NOT NULL AND position IS NOT NULL AND stored_at IS NOT NULL))
);

-- Serves a session's list of files, and the foreign key.
CREATE INDEX files_of_session ON files (session, position);

-- Serve the Janitor: uploads whose process died, files past their time, objects to delete.
CREATE INDEX files_uploading ON files (lease_until) WHERE status = 'uploading';
CREATE INDEX files_stored ON files (stored_at) WHERE status = 'stored';
CREATE INDEX files_deleting ON files (lease_until NULLS FIRST) WHERE status = 'deleting';

-- A session that ends takes its stored files along. This cannot be a part of the statement that ends it: where that statement had
-- to wait for an upload to be stored, it still reads files as they were before, and would miss the new one. A trigger reads anew.
CREATE FUNCTION mark_files_of_ended_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE files SET status = 'deleting' WHERE session = NEW.id AND status = 'stored';
    RETURN NULL;
END;
$$;

CREATE TRIGGER files_of_ended_sessions
    AFTER UPDATE OF ended_at ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION mark_files_of_ended_session();
