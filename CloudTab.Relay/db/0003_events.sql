-- The truth about what a shop must hear. transaction_id is what a reader's horizon is compared with: ids alone are given out
-- before the commit, so a later id can become visible before an earlier one.
CREATE TABLE events (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id xid8        NOT NULL DEFAULT pg_current_xact_id(),
    shop_id        text        NOT NULL REFERENCES shops,
    session        uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    type           text        NOT NULL CHECK (type IN ('new_session', 'session_updated')),
    status         text        NOT NULL,
    file_count     integer     NOT NULL,
    total_size     bigint      NOT NULL,
    created_at     timestamptz NOT NULL,
    -- W3C trace context of the request that changed the state.
    trace_parent   text,
    trace_state    text
);

-- Serves the Notifier's read from its horizon.
CREATE INDEX events_from_horizon ON events (transaction_id, id);

-- Serves the cascade from sessions.
CREATE INDEX events_of_session ON events (session);

-- Serves the Janitor's purge.
CREATE INDEX events_age ON events (created_at);

-- Who has authenticated sockets open, one row a Notifier replica and shop, refreshed every few seconds. A crash of Postgres
-- may empty it: the replicas write it anew.
CREATE UNLOGGED TABLE connected_sockets (
    replica uuid        NOT NULL,
    shop_id text        NOT NULL REFERENCES shops,
    sockets integer     NOT NULL CHECK (sockets > 0),
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (replica, shop_id)
);

-- Serves `connected` of one shop.
CREATE INDEX connected_sockets_of_shop ON connected_sockets (shop_id, seen_at);
