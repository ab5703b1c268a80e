-- As in 0021, but a file of which the relay does not know the pages, such as a text or an office document, has those that its printer has counted in the
-- newest print. A printer that counts none says 0.
CREATE OR REPLACE FUNCTION record_finished_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO finished_jobs (session, claim, shop_id, finished_at, counter, token, files, monochrome, color, uncounted_files, amount, is_complete,
                               currency, paid_amount, is_paid)
    SELECT NEW.id, NEW.done_claim, NEW.shop_id, NEW.ended_at, (SELECT name FROM api_keys WHERE id = NEW.claimed_by),
           (NEW.queue_number - 1) % 999 + 1, totals.files, -- a generated column has no value yet
           totals.monochrome, totals.color, totals.uncounted_files, totals.amount, totals.is_complete, totals.currency,
           CASE WHEN NEW.paid_at IS NULL THEN 0 ELSE least(coalesce(NEW.paid_amount, totals.amount), totals.amount) END, NEW.paid_at IS NOT NULL
    FROM (
        SELECT count(files.id)::int AS files,
               coalesce(sum(counted.pages) FILTER (WHERE files.print_options ->> 'colorMode' = 'monochrome'), 0)::bigint AS monochrome,
               coalesce(sum(counted.pages) FILTER (WHERE files.print_options ->> 'colorMode' = 'color'), 0)::bigint AS color,
               (count(files.id) FILTER (WHERE counted.pages IS NULL))::int AS uncounted_files,
               coalesce(sum(price) FILTER (WHERE files.currency = shops.offer ->> 'currency'), 0)::bigint AS amount,
               count(price) FILTER (WHERE files.currency = shops.offer ->> 'currency') = count(files.id) AS is_complete,
               min(shops.offer ->> 'currency') AS currency
        FROM shops LEFT JOIN files ON files.session = NEW.id AND files.status = 'stored' AND files.added_in_claim IS DISTINCT FROM NEW.done_claim
            CROSS JOIN LATERAL (
                SELECT coalesce(files.printed_pages, (
                    SELECT nullif(prints.pages, 0) FROM prints WHERE prints.file = files.id AND prints.state = 'printed' ORDER BY prints.number DESC LIMIT 1
                )) AS pages
            ) AS counted
        WHERE shops.id = NEW.shop_id
    ) AS totals
    ON CONFLICT DO NOTHING;
    RETURN NEW;
END;
$$;
