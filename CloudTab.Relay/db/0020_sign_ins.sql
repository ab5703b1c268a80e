-- A browser that a key has signed in. It holds a secret in a cookie; as of keys, only the hash is stored. used_at is written once a minute at
-- most, and 30 days without use end it.
CREATE TABLE sign_ins (
    id         uuid        PRIMARY KEY,
    key_id     uuid        NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    sha256     bytea       NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    created_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL
);

-- Serves the cascade from keys.
CREATE INDEX sign_ins_of_key ON sign_ins (key_id);

-- Serves the Janitor's purge.
CREATE INDEX sign_ins_age ON sign_ins (used_at);

-- What opens one socket, once, within 30 s: taking it deletes it. A crash of Postgres may empty it: pages then ask for another.
CREATE UNLOGGED TABLE tickets (
    sha256  bytea       PRIMARY KEY CHECK (octet_length(sha256) = 32),
    key_id  uuid        NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    sign_in uuid        REFERENCES sign_ins ON DELETE CASCADE, -- null: asked for with the key itself
    made_at timestamptz NOT NULL
);

-- Serve the cascades from sign-ins and keys.
CREATE INDEX tickets_of_sign_in ON tickets (sign_in);
CREATE INDEX tickets_of_key ON tickets (key_id);

-- Serves the Janitor's purge.
CREATE INDEX tickets_age ON tickets (made_at);
