-- A suspended shop takes no uploads, and its keys open nothing.
ALTER TABLE shops ADD COLUMN suspended_at timestamptz;

-- By the minute.
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;

-- Whether a key opens its shop now. Statements that a shopkeeper causes ask this, not only the first one of a socket.
CREATE FUNCTION key_is_valid(key uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM api_keys JOIN shops ON shops.id = api_keys.shop_id
        WHERE api_keys.id = key AND api_keys.revoked_at IS NULL AND shops.suspended_at IS NULL
    )
$$;

-- From which addresses a key was right: such a key is looked at however many wrong ones come from there. Written once a minute at most.
CREATE TABLE key_uses (
    key_id  uuid        NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    address inet        NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (key_id, address)
);

-- Wrong keys of an address in the minute that began at began_at, over all replicas. A crash of Postgres may empty it.
CREATE UNLOGGED TABLE key_guesses (
    address  inet        PRIMARY KEY,
    began_at timestamptz NOT NULL,
    wrong    integer     NOT NULL
);

-- Serve the Janitor's purge.
CREATE INDEX key_uses_age ON key_uses (used_at);
CREATE INDEX key_guesses_age ON key_guesses (began_at);

-- claims counts the claims of a session, renewals by claiming again included. A file that is stored while the session is claimed has that
-- number: its shop may not have seen it. done_claim is the claim that was completed.
ALTER TABLE sessions
    ADD COLUMN claims     integer NOT NULL DEFAULT 0,
    ADD COLUMN done_claim integer;
ALTER TABLE files ADD COLUMN added_in_claim integer;

-- Files that came in while the session was claimed outlive the claim: completing it leaves the session pending with them. As above, a
-- trigger reads anew what a statement that had to wait for an upload to be stored would miss.
CREATE FUNCTION keep_late_files() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    late_count integer;
    late_size  bigint;
BEGIN
    SELECT count(*), coalesce(sum(size), 0) INTO late_count, late_size
    FROM files
    WHERE session = NEW.id AND status = 'stored' AND added_in_claim = NEW.done_claim;
    IF late_count > 0 THEN
        UPDATE files SET status = 'deleting'
        WHERE session = NEW.id AND status = 'stored' AND added_in_claim IS DISTINCT FROM NEW.done_claim;
        NEW.status := 'pending';
        NEW.ended_at := NULL;
        NEW.file_count := late_count;
        NEW.total_size := late_size;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER late_files_of_completed_claims
    BEFORE UPDATE OF done_claim ON sessions
    FOR EACH ROW WHEN (OLD.done_claim IS DISTINCT FROM NEW.done_claim)
    EXECUTE FUNCTION keep_late_files();

-- A session does not expire while it is claimed, whichever statement changes either time.
CREATE FUNCTION outlive_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.expires_at := NEW.claimed_until;
    RETURN NEW;
END;
$$;

CREATE TRIGGER sessions_outlive_claims
    BEFORE UPDATE ON sessions
    FOR EACH ROW WHEN (NEW.status = 'processing' AND NEW.expires_at < NEW.claimed_until)
    EXECUTE FUNCTION outlive_claim();
