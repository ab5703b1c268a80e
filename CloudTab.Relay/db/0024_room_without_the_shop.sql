-- As before, but for the lock: it was the shop's row, and whoever closes a shop locks that row first and the shop's sessions after it, while
-- whoever stores a file has locked its session before. The number 6 keeps these locks apart from other kinds.
CREATE OR REPLACE FUNCTION shop_has_room(shop text, bytes bigint, most bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF most IS NULL THEN
        RETURN true;
    END IF;
    PERFORM pg_advisory_xact_lock(6, hashtext(shop));
    RETURN bytes <= most - (SELECT coalesce(sum(total_size), 0) FROM sessions WHERE shop_id = shop AND ended_at IS NULL AND total_size > 0);
END;
$$;
