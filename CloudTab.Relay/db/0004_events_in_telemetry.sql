-- When the row was written, by Postgres' own clock and as late in the statement as can be: created_at is taken before the statement is
-- sent, by a service whose clock may differ from the Notifier's. The time from the commit to the frame is measured from here.
ALTER TABLE events ADD COLUMN written_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- Both come from a client's headers. A traceparent has one length; of a tracestate only so much is kept. Older rows go with the purge.
ALTER TABLE events ADD CONSTRAINT events_trace_parent_length CHECK (char_length(trace_parent) = 55) NOT VALID;
ALTER TABLE events ADD CONSTRAINT events_trace_state_length CHECK (char_length(trace_state) <= 512) NOT VALID;
