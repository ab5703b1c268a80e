-- Whoever waits for the lock below makes everybody wait who comes behind: rather this fails, and is run again.
SET LOCAL lock_timeout = '10s';

-- Where a shop wants its events sent to, besides its sockets. The secret signs, so it cannot be a hash; after another one has taken its place it
-- signs along until former_until. Nobody sends before due_at: it is the end of the lease of the replica that is sending, or of the pause after a
-- failure. failures are those in a row; failure is the last one. given_up counts events that were never accepted.
CREATE TABLE webhooks (
    id            uuid        PRIMARY KEY,
    shop_id       text        NOT NULL REFERENCES shops,
    url           text        NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2000),
    secret        bytea       NOT NULL CHECK (octet_length(secret) BETWEEN 24 AND 64),
    former_secret bytea       CHECK (octet_length(former_secret) BETWEEN 24 AND 64),
    former_until  timestamptz,
    created_at    timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    failures      integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failure       text        CHECK (char_length(failure) BETWEEN 1 AND 200),
    failed_at     timestamptz,
    delivered_at  timestamptz,
    given_up      bigint      NOT NULL DEFAULT 0 CHECK (given_up >= 0),
    disabled_at   timestamptz,
    CHECK ((former_secret IS NULL) = (former_until IS NULL)),
    CHECK ((failure IS NULL) = (failed_at IS NULL))
);

-- Serves the trigger below, `webhook list` of one shop, and the foreign key.
CREATE INDEX webhooks_of_shop ON webhooks (shop_id, created_at);

-- Which events a webhook has not accepted yet. What is sent is read from the event, so a row holds nothing of anybody, and goes when its event
-- does: a day later, or with its session.
CREATE TABLE webhook_deliveries (
    webhook  uuid        NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    session  uuid        NOT NULL,
    event    bigint      NOT NULL,
    attempts integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at   timestamptz NOT NULL,
    -- Tells whether an earlier one of the session waits, and which webhooks something waits for.
    PRIMARY KEY (webhook, session, event)
);

-- Serves the read of what a webhook is sent next: its order.
CREATE INDEX webhook_deliveries_next ON webhook_deliveries (webhook, attempts, event);

-- Serves the trigger on deleted events, and what becomes of an attempt.
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event);

-- In the transaction that writes the event, whichever statement does. A webhook that is just being removed is waited for, and then gets nothing:
-- the foreign key would fail the statement.
CREATE FUNCTION owe_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (webhook, session, event, due_at)
    SELECT id, NEW.session, NEW.id, now() FROM webhooks WHERE shop_id = NEW.shop_id AND disabled_at IS NULL
    FOR KEY SHARE;
    RETURN NULL;
END;
$$;

CREATE TRIGGER deliveries_of_new_events
    AFTER INSERT ON events
    FOR EACH ROW EXECUTE FUNCTION owe_deliveries();

-- In the place of a foreign key, so that what is given up is counted. Webhooks are locked before their deliveries, here as everywhere, and in the
-- order of their ids: otherwise two that want the same ones could wait for each other.
CREATE FUNCTION give_up_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM webhooks
    WHERE id IN (SELECT webhook FROM webhook_deliveries JOIN gone ON event = gone.id)
    ORDER BY id
    FOR NO KEY UPDATE;

    WITH given_up AS (
        DELETE FROM webhook_deliveries USING gone WHERE event = gone.id RETURNING webhook
    ), counted AS (
        SELECT webhook, count(*) AS events FROM given_up GROUP BY webhook
    )
    UPDATE webhooks SET given_up = given_up + counted.events FROM counted WHERE id = counted.webhook;
    RETURN NULL;
END;
$$;

CREATE TRIGGER deliveries_of_deleted_events
    AFTER DELETE ON events
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION give_up_deliveries();
