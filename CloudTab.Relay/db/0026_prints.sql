-- Each attempt to print a file, by the id that its agent gave it: a report that comes twice is one, and nobody prints a file again without
-- knowing that it may be on paper already. key_id began the attempt, and may always report how it ended. given_back: why a person took it away
-- from its agent.
CREATE TABLE prints (
    file          uuid        NOT NULL REFERENCES files ON DELETE CASCADE,
    attempt       uuid        NOT NULL,
    number        bigint      GENERATED ALWAYS AS IDENTITY, -- counts up in the order in which attempts are begun
    key_id        uuid        NOT NULL REFERENCES api_keys,
    printer       text        NOT NULL CHECK (char_length(printer) BETWEEN 1 AND 200),
    print_options jsonb       NOT NULL CHECK (jsonb_typeof(print_options) = 'object'),
    state         text        NOT NULL CHECK (state IN ('sent', 'printing', 'printed', 'failed', 'unknown')),
    grade         text        CHECK (grade IN ('handed_over', 'printer_finished', 'confirmed')),
    pages         integer     CHECK (pages >= 0),
    copies        integer     CHECK (copies >= 0),
    reasons       jsonb       NOT NULL CHECK (jsonb_typeof(reasons) = 'array'),
    again         text        CHECK (char_length(again) BETWEEN 1 AND 200),
    given_back    text        CHECK (char_length(given_back) BETWEEN 1 AND 200),
    changed_at    timestamptz NOT NULL,
    PRIMARY KEY (file, attempt),
    CHECK ((state = 'printed') = (grade IS NOT NULL))
);

-- Serves a file's attempts in their order, and the newest one.
CREATE UNIQUE INDEX prints_of_file ON prints (file, number);

-- The attempts of a session. A statement that had to wait for the session's lock still sees them as they were before the wait; a function's own
-- statement reads them as they are.
CREATE FUNCTION prints_of(of_session uuid) RETURNS SETOF prints LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT prints.* FROM prints JOIN files ON files.id = prints.file WHERE files.session = of_session;
END;
$$;

-- Whether an attempt of the session is `sent` or `printing`: its claim does not lapse.
ALTER TABLE sessions ADD COLUMN printing boolean NOT NULL DEFAULT false;

-- What changed of a print, as clients see it.
ALTER TABLE events
    DROP CONSTRAINT events_type_check,
    ADD CONSTRAINT events_type_check CHECK (type IN ('new_session', 'session_updated', 'print_changed')),
    ADD COLUMN file uuid,
    ADD COLUMN print jsonb,
    ADD CHECK ((type = 'print_changed') = (print IS NOT NULL AND file IS NOT NULL));
