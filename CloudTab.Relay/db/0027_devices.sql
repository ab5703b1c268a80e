-- A key for a device, such as a print agent: it can do a job, but change nothing of its shop, and nobody signs in with it.
ALTER TABLE api_keys ADD COLUMN device boolean NOT NULL DEFAULT false;

-- The print agents of shops, one for each key that says that it is one. printers is what the agent last said of them, as clients see it.
CREATE TABLE agents (
    key_id   uuid        PRIMARY KEY REFERENCES api_keys ON DELETE CASCADE,
    name     text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    version  text        NOT NULL CHECK (char_length(version) BETWEEN 1 AND 200),
    printers jsonb       NOT NULL CHECK (jsonb_typeof(printers) = 'array'),
    seen_at  timestamptz NOT NULL
);

-- Serves the Janitor's purge.
CREATE INDEX agents_age ON agents (seen_at);
