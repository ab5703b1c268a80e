-- What the operator allows this one shop; null is what the settings say.
ALTER TABLE shops
    ADD COLUMN max_files        integer CHECK (max_files BETWEEN 1 AND 1000),
    ADD COLUMN max_file_size    bigint  CHECK (max_file_size > 0),
    ADD COLUMN max_session_size bigint  CHECK (max_session_size > 0),
    ADD COLUMN max_outstanding  bigint  CHECK (max_outstanding > 0);

-- Serves the sum of what a shop's live sessions hold.
CREATE INDEX sessions_outstanding ON sessions (shop_id) INCLUDE (total_size) WHERE ended_at IS NULL AND total_size > 0;

-- Whether a shop's live files may take so many bytes more. Uploads of one shop that are stored at the same moment are let through one
-- by one, or they would pass the limit together: the lock holds until the commit, and the sum behind it reads anew, which a part of
-- the statement that waited for the lock would not. Whoever holds it has locked its session before, and locks nothing after.
CREATE FUNCTION shop_has_room(shop text, bytes bigint, most bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF most IS NULL THEN
        RETURN true;
    END IF;
    PERFORM FROM shops WHERE id = shop FOR NO KEY UPDATE;
    RETURN bytes <= most - (SELECT coalesce(sum(total_size), 0) FROM sessions WHERE shop_id = shop AND ended_at IS NULL AND total_size > 0);
END;
$$;
