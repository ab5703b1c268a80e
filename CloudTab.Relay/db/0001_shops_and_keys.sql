-- A shop is the scope of everything: its sessions, its keys, its sockets.
CREATE TABLE shops (
    id              text        PRIMARY KEY CHECK (id ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name            text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    accepts_uploads boolean     NOT NULL DEFAULT true,
    created_at      timestamptz NOT NULL
);

-- A key is stored as the SHA-256 of its text: 256 random bits need no slow hash. The prefix is what an operator may see.
CREATE TABLE api_keys (
    id         uuid        PRIMARY KEY,
    shop_id    text        NOT NULL REFERENCES shops,
    name       text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    prefix     text        NOT NULL CHECK (char_length(prefix) <= 12),
    sha256     bytea       NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

-- Serves `key list` of one shop, and the foreign key.
CREATE INDEX api_keys_of_shop ON api_keys (shop_id, created_at);
