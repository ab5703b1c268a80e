-- Whoever waits for the lock below makes everybody wait who comes behind: rather this fails, and is run again.
SET LOCAL lock_timeout = '10s';

-- One row a Notifier replica, renewed every few seconds: until it ends, the replica's rows in connected_sockets count. A row there is written
-- only when the number of the shop's sockets changes. A crash of Postgres may empty both tables: the replicas write them anew.
CREATE UNLOGGED TABLE replica_leases (
    replica uuid        PRIMARY KEY,
    ends_at timestamptz NOT NULL
);

-- For services of the version before. They count a row by seen_at alone, and so a row that nobody refreshes for as long as it is there.
ALTER TABLE connected_sockets ALTER seen_at SET DEFAULT 'infinity';

-- And their Notifiers refresh seen_at in every row every 5 s, which is their lease.
CREATE FUNCTION lease_replica() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO replica_leases (replica, ends_at) VALUES (NEW.replica, NEW.seen_at + interval '15 seconds')
    ON CONFLICT (replica) DO UPDATE SET ends_at = excluded.ends_at WHERE replica_leases.ends_at < excluded.ends_at;
    RETURN NULL;
END;
$$;

CREATE TRIGGER leases_by_seen_at
    AFTER INSERT OR UPDATE OF seen_at ON connected_sockets
    FOR EACH ROW WHEN (NEW.seen_at < 'infinity')
    EXECUTE FUNCTION lease_replica();
