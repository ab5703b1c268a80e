-- Whoever waits for the lock below makes everybody wait who comes behind: rather this fails, and is run again.
SET LOCAL lock_timeout = '10s';
LOCK TABLE uploads IN ACCESS EXCLUSIVE MODE;

-- What an upload takes of its shop's room: the bytes that have come. To announce some costs nothing, and would take the room from others. Only
-- of what goes to S3 past the services nobody knows how much has come: there it is all, and the announcement is charged like bytes. The sum keeps
-- its name, outstanding.reserved: services of the version before go on reading it.
CREATE FUNCTION held_of(upload uploads) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN upload.reserved IS NULL THEN 0
        WHEN upload.part_sha256 IS NOT NULL AND upload.multipart_id IS NOT NULL THEN upload.reserved
        ELSE upload.received
    END
$$;

INSERT INTO outstanding (shop_id, stored, reserved)
SELECT shop_id, 0, sum(held_of(uploads) - reserved)
FROM uploads JOIN sessions ON sessions.id = uploads.session
WHERE reserved > 0
GROUP BY shop_id;

DROP TRIGGER reserved_by_new_uploads ON uploads;
DROP TRIGGER reserved_by_uploads ON uploads;
DROP FUNCTION count_reserved();

CREATE FUNCTION count_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_outstanding(shop_id, 0, held_of(NEW) - CASE WHEN TG_OP = 'UPDATE' THEN held_of(OLD) ELSE 0 END) FROM sessions WHERE id = NEW.session;
    RETURN NULL;
END;
$$;

CREATE TRIGGER held_by_new_uploads
    AFTER INSERT ON uploads
    FOR EACH ROW WHEN (held_of(NEW) > 0)
    EXECUTE FUNCTION count_held();
CREATE TRIGGER held_by_uploads
    AFTER UPDATE ON uploads
    FOR EACH ROW WHEN (held_of(OLD) <> held_of(NEW))
    EXECUTE FUNCTION count_held();
