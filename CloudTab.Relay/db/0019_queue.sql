-- The number of the session that was submitted last in each shop. In a table of its own: submissions to one shop are counted one after
-- another, and nothing else waits for the row that they lock. Whoever locks it has locked its session before, and locks nothing after.
CREATE TABLE queues (
    shop_id text   PRIMARY KEY REFERENCES shops,
    last    bigint NOT NULL CHECK (last > 0)
);

-- queue_number counts the sessions of a shop in the order in which they are submitted. token is what people see of it.
ALTER TABLE sessions ADD COLUMN queue_number bigint CHECK (queue_number > 0);
ALTER TABLE sessions ADD COLUMN token integer GENERATED ALWAYS AS ((queue_number - 1) % 999 + 1) STORED;

UPDATE sessions SET queue_number = submitted.number
FROM (
    SELECT id, row_number() OVER (PARTITION BY shop_id ORDER BY submitted_at, id) AS number
    FROM sessions
    WHERE submitted_at IS NOT NULL AND ended_at IS NULL
) AS submitted
WHERE sessions.id = submitted.id;
INSERT INTO queues (shop_id, last) SELECT shop_id, max(queue_number) FROM sessions WHERE queue_number IS NOT NULL GROUP BY shop_id;

-- Serves the places in a shop's queue.
CREATE INDEX sessions_queue ON sessions (shop_id, queue_number) WHERE status IN ('pending', 'processing') AND file_count > 0;

-- Whichever statement submits a session gives it its number.
CREATE FUNCTION give_queue_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO queues (shop_id, last) VALUES (NEW.shop_id, 1)
    ON CONFLICT (shop_id) DO UPDATE SET last = queues.last + 1
    RETURNING last INTO NEW.queue_number;
    RETURN NEW;
END;
$$;

CREATE TRIGGER numbers_of_submitted_sessions
    BEFORE UPDATE OF submitted_at ON sessions
    FOR EACH ROW WHEN (OLD.submitted_at IS NULL AND NEW.submitted_at IS NOT NULL)
    EXECUTE FUNCTION give_queue_number();
