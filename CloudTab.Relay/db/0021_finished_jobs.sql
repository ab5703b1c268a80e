-- What a shop has printed, without names: a row for each claim that was completed. It outlives its session. amount: what is known of the price, in
-- the smallest unit of the currency that the shop had then. paid_amount: how much of it was marked as paid.
CREATE TABLE finished_jobs (
    session         uuid        NOT NULL, -- which is forgotten after a day
    claim           integer     NOT NULL,
    shop_id         text        NOT NULL REFERENCES shops,
    finished_at     timestamptz NOT NULL,
    counter         text        NOT NULL, -- name of the key
    token           integer,
    files           integer     NOT NULL,
    monochrome      bigint      NOT NULL,
    color           bigint      NOT NULL,
    uncounted_files integer     NOT NULL,
    amount          bigint      NOT NULL,
    is_complete     boolean     NOT NULL, -- whether that is the whole price
    currency        text        NOT NULL,
    paid_amount     bigint      NOT NULL CHECK (paid_amount BETWEEN 0 AND amount),
    is_paid         boolean     NOT NULL,
    PRIMARY KEY (session, claim)
);

-- Serve a shop's day, and the Janitor's purge.
CREATE INDEX finished_jobs_of_shop ON finished_jobs (shop_id, finished_at);
CREATE INDEX finished_jobs_age ON finished_jobs (finished_at);

-- Its name comes before late_files_of_completed_claims: triggers run in the order of their names, and that one takes the printed files away.
CREATE FUNCTION record_finished_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO finished_jobs (session, claim, shop_id, finished_at, counter, token, files, monochrome, color, uncounted_files, amount, is_complete,
                               currency, paid_amount, is_paid)
    SELECT NEW.id, NEW.done_claim, NEW.shop_id, NEW.ended_at, (SELECT name FROM api_keys WHERE id = NEW.claimed_by),
           (NEW.queue_number - 1) % 999 + 1, totals.files, -- a generated column has no value yet
           totals.monochrome, totals.color, totals.uncounted_files, totals.amount, totals.is_complete, totals.currency,
           CASE WHEN NEW.paid_at IS NULL THEN 0 ELSE least(coalesce(NEW.paid_amount, totals.amount), totals.amount) END, NEW.paid_at IS NOT NULL
    FROM (
        SELECT count(files.id)::int AS files,
               coalesce(sum(printed_pages) FILTER (WHERE files.print_options ->> 'colorMode' = 'monochrome'), 0)::bigint AS monochrome,
               coalesce(sum(printed_pages) FILTER (WHERE files.print_options ->> 'colorMode' = 'color'), 0)::bigint AS color,
               (count(files.id) FILTER (WHERE printed_pages IS NULL))::int AS uncounted_files,
               coalesce(sum(price) FILTER (WHERE files.currency = shops.offer ->> 'currency'), 0)::bigint AS amount,
               count(price) FILTER (WHERE files.currency = shops.offer ->> 'currency') = count(files.id) AS is_complete,
               min(shops.offer ->> 'currency') AS currency
        FROM shops LEFT JOIN files ON files.session = NEW.id AND files.status = 'stored' AND files.added_in_claim IS DISTINCT FROM NEW.done_claim
        WHERE shops.id = NEW.shop_id
    ) AS totals
    ON CONFLICT DO NOTHING;
    RETURN NEW;
END;
$$;

CREATE TRIGGER jobs_of_completed_claims
    BEFORE UPDATE OF done_claim ON sessions
    FOR EACH ROW WHEN (OLD.done_claim IS DISTINCT FROM NEW.done_claim)
    EXECUTE FUNCTION record_finished_job();

-- A job may be paid, or not after all, when it is completed.
CREATE FUNCTION record_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE finished_jobs
    SET is_paid = NEW.paid_at IS NOT NULL,
        paid_amount = CASE WHEN NEW.paid_at IS NULL THEN 0 ELSE least(coalesce(NEW.paid_amount, amount), amount) END
    WHERE session = NEW.id AND claim = NEW.done_claim;
    RETURN NULL;
END;
$$;

CREATE TRIGGER payments_of_finished_jobs
    AFTER UPDATE OF paid_at ON sessions
    FOR EACH ROW WHEN (OLD.paid_at IS DISTINCT FROM NEW.paid_at AND NEW.status = 'completed')
    EXECUTE FUNCTION record_payment();
