-- How a file is to be printed, complete, as clients see it (CloudTab.Relay/Printing/PrintOptions.cs). The defaults stand here for rows of the
-- version before. A session has what its files get unless the customer says otherwise, a shop what its sessions get.
ALTER TABLE files
    ADD COLUMN print_options jsonb NOT NULL
        DEFAULT '{"copies": 1, "colorMode": "monochrome", "sides": "one-sided", "pageRanges": null, "media": "a4", "scaling": "fit"}'
        CHECK (jsonb_typeof(print_options) = 'object');
ALTER TABLE sessions
    ADD COLUMN print_options jsonb NOT NULL
        DEFAULT '{"copies": 1, "colorMode": "monochrome", "sides": "one-sided", "pageRanges": null, "media": "a4", "scaling": "fit"}'
        CHECK (jsonb_typeof(print_options) = 'object');

-- What a shop prints and for how much, as clients see it (CloudTab.Relay/Printing/Offer.cs): one value, so that two PCs that change it at
-- once do not mix their prices.
ALTER TABLE shops
    ADD COLUMN print_options jsonb NOT NULL
        DEFAULT '{"copies": 1, "colorMode": "monochrome", "sides": "one-sided", "pageRanges": null, "media": "a4", "scaling": "fit"}'
        CHECK (jsonb_typeof(print_options) = 'object'),
    ADD COLUMN offer jsonb NOT NULL
        DEFAULT '{"currency": "INR", "twoSided": true, "prices": [], "upiAddress": null}'
        CHECK (offer ->> 'currency' ~ '^[A-Z]{3}$' AND jsonb_typeof(offer -> 'twoSided') = 'boolean' AND jsonb_typeof(offer -> 'prices') = 'array');

-- What a shop takes for a page that is printed like this; null if it has set no price.
CREATE FUNCTION price_of_page(offer jsonb, print_options jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT (one ->> 'price')::bigint
    FROM jsonb_array_elements(offer -> 'prices') AS one
    WHERE one ->> 'media' = print_options ->> 'media' AND one ->> 'colorMode' = print_options ->> 'colorMode'
$$;

-- printed_pages: all copies; null if the pages of the file are not known. page_price and currency are those of the moment in which the file
-- was stored or its options were changed: a shop that changes its prices does not change what a customer was told.
-- left_at: when the file left its session before the session ended. What a session cost when it ended does not count it.
ALTER TABLE files
    ADD COLUMN printed_pages bigint CHECK (printed_pages >= 0),
    ADD COLUMN page_price    bigint CHECK (page_price >= 0),
    ADD COLUMN currency      text,
    ADD COLUMN price         bigint GENERATED ALWAYS AS (printed_pages * page_price) STORED,
    ADD COLUMN left_at       timestamptz,
    ADD CHECK ((page_price IS NULL) = (currency IS NULL));

-- Only the shop says that a job is paid. paid_amount: its price at that moment, null if a part of it was not known.
ALTER TABLE sessions
    ADD COLUMN paid_at     timestamptz,
    ADD COLUMN paid_amount bigint CHECK (paid_amount >= 0),
    ADD CHECK (paid_at IS NOT NULL OR paid_amount IS NULL),
    ADD CHECK (paid_at IS NULL OR submitted_at IS NOT NULL);

-- As in 0014. What was printed has left the session. Files that stay are paid for if the payment was for all of them, else they are a new job.
CREATE OR REPLACE FUNCTION keep_late_files() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    late_count integer;
    late_size  bigint;
    late_price bigint;
    all_price  bigint;
BEGIN
    SELECT count(*) FILTER (WHERE added_in_claim = NEW.done_claim), coalesce(sum(size) FILTER (WHERE added_in_claim = NEW.done_claim), 0),
           CASE WHEN count(*) = count(price) THEN sum(price) FILTER (WHERE added_in_claim = NEW.done_claim) END,
           CASE WHEN count(*) = count(price) THEN sum(price) END
    INTO late_count, late_size, late_price, all_price
    FROM files
    WHERE session = NEW.id AND status = 'stored';
    IF late_count > 0 THEN
        UPDATE files SET status = 'deleting', left_at = NEW.ended_at
        WHERE session = NEW.id AND status = 'stored' AND added_in_claim IS DISTINCT FROM NEW.done_claim;
        NEW.status := 'pending';
        NEW.ended_at := NULL;
        NEW.file_count := late_count;
        NEW.total_size := late_size;
        NEW.paid_at := CASE WHEN NEW.paid_amount >= all_price THEN NEW.paid_at END;
        NEW.paid_amount := CASE WHEN NEW.paid_amount >= all_price THEN late_price END;
    END IF;
    RETURN NEW;
END;
$$;
