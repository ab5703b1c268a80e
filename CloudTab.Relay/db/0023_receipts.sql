-- Keys that receipts are signed with: ECDSA on the curve P-256. The newest one signs. All are published, so that what older ones have signed
-- can be checked. id is the key's thumbprint (RFC 7638).
CREATE TABLE signing_keys (
    id          text        PRIMARY KEY CHECK (char_length(id) = 43),
    private_key bytea       NOT NULL, -- PKCS #8
    created_at  timestamptz NOT NULL
);

-- What was deleted of a session and when, signed. A receipt outlives its session, so it refers to none. id is as hard to guess as a
-- session's, and opens nothing else.
CREATE TABLE receipts (
    id         text        PRIMARY KEY CHECK (id ~ '^[0-7][0-9a-hjkmnp-tv-z]{25}$'),
    jws        text        NOT NULL, -- compact serialization (RFC 7515)
    created_at timestamptz NOT NULL
);

-- Serves the Janitor's purge.
CREATE INDEX receipts_age ON receipts (created_at);

-- When the object was gone. Null for files that were removed before this column was there.
ALTER TABLE files ADD COLUMN deleted_at timestamptz;

-- receipt_due: the session has ended, ever held a file, and has no receipt yet. receipt is the id of the one that it has.
ALTER TABLE sessions
    ADD COLUMN receipt_due boolean NOT NULL DEFAULT false,
    ADD COLUMN receipt     text;

-- Serves the making of receipts.
CREATE INDEX sessions_receipt_due ON sessions (ended_at) WHERE receipt_due;

-- Whichever statement ends a session. As for its files, a trigger reads anew what a statement that had to wait for an upload to be stored
-- would miss.
CREATE FUNCTION owe_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.receipt_due := EXISTS (SELECT FROM files WHERE session = NEW.id AND stored_at IS NOT NULL);
    RETURN NEW;
END;
$$;

CREATE TRIGGER receipts_of_ended_sessions
    BEFORE UPDATE OF ended_at ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION owe_receipt();
