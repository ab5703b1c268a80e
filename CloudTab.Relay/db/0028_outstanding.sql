-- Whoever waits for the locks below makes everybody wait who comes behind: rather this fails, and is run again.
SET LOCAL lock_timeout = '10s';

-- Nothing changes between the sums that are taken here and the triggers that keep them. In one step and from the start: a lock that is
-- made stronger later could be a deadlock with a statement of the version before.
LOCK TABLE sessions, files, uploads IN ACCESS EXCLUSIVE MODE;

-- Whether its file was marked for removal without having been stored.
ALTER TABLE uploads ADD given_up boolean NOT NULL DEFAULT false;
UPDATE uploads SET given_up = true FROM files WHERE files.id = uploads.file AND files.status = 'deleting' AND files.stored_at IS NULL;

CREATE FUNCTION give_up_upload() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE uploads SET given_up = true WHERE file = NEW.id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER uploads_of_given_up_files
    AFTER UPDATE OF status ON files
    FOR EACH ROW WHEN (OLD.status = 'uploading' AND NEW.status = 'deleting')
    EXECUTE FUNCTION give_up_upload();

-- The bytes that an upload reserves in its session and its shop: all that it announced, once some have come, or while a process holds it
-- because they come now. (If that process dies, the Janitor releases the upload seconds later.) What goes to S3 past the services may have
-- got some that nobody has counted yet. Null: it reserves nothing, not yet or no more. Only the upload's own row decides, so a trigger on
-- that row sees every change of it.
ALTER TABLE uploads ADD reserved bigint GENERATED ALWAYS AS (
    CASE
        WHEN file IS NOT NULL AND NOT given_up AND (completed_at IS NULL OR concat = 'partial')
            AND (received > 0 OR holder IS NOT NULL OR part_sha256 IS NOT NULL AND multipart_id IS NOT NULL)
        THEN coalesce(length, received)
    END) STORED;

-- What a shop's live sessions hold, and what its uploads reserve: the sums of its rows. A row is a change, or many of them added up. A
-- change is inserted and never updates another row, so nothing that changes a sum waits for anything. There is no foreign key: its check
-- locks the shop's row.
CREATE TABLE outstanding (
    shop_id  text   NOT NULL,
    id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    stored   bigint NOT NULL,
    reserved bigint NOT NULL,
    PRIMARY KEY (shop_id, id)
);

INSERT INTO outstanding (shop_id, stored, reserved)
SELECT shop_id, sum(stored), sum(reserved)
FROM (
    SELECT shop_id, total_size AS stored, 0 AS reserved FROM sessions WHERE ended_at IS NULL AND total_size > 0
    UNION ALL
    SELECT shop_id, 0, uploads.reserved FROM uploads JOIN sessions ON sessions.id = uploads.session WHERE uploads.reserved > 0
) AS held
GROUP BY shop_id;

-- One change in 64, by chance, adds up all that its shop has: however many there are, a sum reads some hundred rows. Only the holder of the
-- lock deletes rows, and if another one holds it that does the work, so this waits for nothing either. The number 7 keeps these locks apart
-- from other kinds.
CREATE FUNCTION change_outstanding(shop text, more_stored bigint, more_reserved bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outstanding (shop_id, stored, reserved) VALUES (shop, more_stored, more_reserved);
    IF random() < 1.0 / 64 AND pg_try_advisory_xact_lock(7, hashtext(shop)) THEN
        WITH taken AS (
            DELETE FROM outstanding WHERE shop_id = shop RETURNING stored, reserved
        )
        INSERT INTO outstanding (shop_id, stored, reserved) SELECT shop, sum(stored), sum(reserved) FROM taken;
    END IF;
END;
$$;

-- A shop's sums. Rows that were added up are dead until the next vacuum, and of the ways to read only an index scan leaves marks in the index by
-- which later ones pass over them: beside 100,000 that a minute has left, 0.6 ms instead of tens.
CREATE FUNCTION outstanding_of(shop text, OUT stored bigint, OUT reserved bigint) LANGUAGE sql STABLE
SET enable_bitmapscan = off
SET enable_seqscan = off
AS $$
    SELECT coalesce(sum(outstanding.stored), 0)::bigint, coalesce(sum(outstanding.reserved), 0)::bigint FROM outstanding WHERE shop_id = shop
$$;

CREATE FUNCTION count_stored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_outstanding(
        NEW.shop_id, CASE WHEN NEW.ended_at IS NULL THEN NEW.total_size ELSE 0 END - CASE WHEN OLD.ended_at IS NULL THEN OLD.total_size ELSE 0 END, 0);
    RETURN NULL;
END;
$$;

-- A session begins empty, and is deleted once it has ended, or still is empty. An ended session may be live again (late_files_of_completed_claims).
CREATE TRIGGER stored_in_sessions
    AFTER UPDATE ON sessions
    FOR EACH ROW WHEN (OLD.total_size <> NEW.total_size OR (OLD.ended_at IS NULL) <> (NEW.ended_at IS NULL) AND NEW.total_size > 0)
    EXECUTE FUNCTION count_stored();

CREATE FUNCTION count_reserved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_outstanding(shop_id, 0, coalesce(NEW.reserved, 0) - coalesce(OLD.reserved, 0)) FROM sessions WHERE id = NEW.session;
    RETURN NULL;
END;
$$;

-- An upload that reserves something has a file that is not marked for removal. It is deleted with its session, when all its files are gone.
CREATE TRIGGER reserved_by_new_uploads
    AFTER INSERT ON uploads
    FOR EACH ROW WHEN (NEW.reserved > 0)
    EXECUTE FUNCTION count_reserved();
CREATE TRIGGER reserved_by_uploads
    AFTER UPDATE ON uploads
    FOR EACH ROW WHEN (coalesce(OLD.reserved, 0) <> coalesce(NEW.reserved, 0))
    EXECUTE FUNCTION count_reserved();

-- As before, but for where the sum comes from.
CREATE OR REPLACE FUNCTION shop_has_room(shop text, bytes bigint, most bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF most IS NULL THEN
        RETURN true;
    END IF;
    PERFORM pg_advisory_xact_lock(6, hashtext(shop));
    RETURN bytes <= most - (SELECT stored FROM outstanding_of(shop));
END;
$$;

-- Served the sums that are no longer taken, of a shop and of all.
DROP INDEX sessions_outstanding;
