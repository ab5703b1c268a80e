-- What came behind the last part is kept while it comes, in pieces: objects of its own, in their order, of tail_size bytes together.
ALTER TABLE uploads ADD tail_keys text[] NOT NULL DEFAULT '{}';
UPDATE uploads SET tail_keys = ARRAY[tail_key] WHERE tail_key IS NOT NULL;
ALTER TABLE uploads DROP COLUMN tail_key;
ALTER TABLE uploads ADD CHECK ((cardinality(tail_keys) = 0) = (tail_size = 0));
