-- An upload whose bytes go to S3 past the services: SHA-256 of each of its parts, in their order. Null for all others. One part holds
-- the whole file; more have part_size bytes each, the last one the rest.
ALTER TABLE uploads
    ADD part_sha256 bytea[] CHECK (cardinality(part_sha256) > 0),
    ADD CHECK (part_sha256 IS NULL OR length IS NOT NULL AND declared_sha256 IS NOT NULL AND concat IS NULL);
