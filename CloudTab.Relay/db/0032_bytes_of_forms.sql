-- Whoever waits for the lock below makes everybody wait who comes behind: rather this fails, and is run again.
SET LOCAL lock_timeout = '10s';
LOCK TABLE files IN SHARE ROW EXCLUSIVE MODE;

-- What has come of a form's file that is not stored yet, is its size: a form may stay open for hours, and its bytes take room meanwhile. (Those
-- of a resumable upload are in its own row, and its file has no size before it is stored.)
CREATE FUNCTION come_of(file files) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN file.status = 'uploading' THEN coalesce(file.size, 0) ELSE 0 END
$$;

CREATE FUNCTION count_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_outstanding(shop_id, 0, come_of(NEW) - come_of(OLD)) FROM sessions WHERE id = NEW.session;
    RETURN NULL;
END;
$$;

CREATE TRIGGER come_of_forms
    AFTER UPDATE OF status, size ON files
    FOR EACH ROW WHEN (come_of(OLD) <> come_of(NEW))
    EXECUTE FUNCTION count_come();
