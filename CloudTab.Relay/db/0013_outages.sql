-- Serves the Janitor: uploads whose holder may have died.
CREATE INDEX uploads_held ON uploads (held_until) WHERE holder IS NOT NULL;
