-- The last position in a session. A statement that had to wait for the session's lock still sees the files as they were before the wait, and
-- would give a position twice; a function's own statement reads them as they are.
CREATE FUNCTION last_position(of_session uuid) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT coalesce(max(position), 0) FROM files WHERE session = of_session);
END;
$$;

-- What was given twice is counted anew, in the order in which the files are listed.
UPDATE files SET position = counted.place
FROM (
    SELECT id, row_number() OVER (PARTITION BY session ORDER BY position, stored_at, id) AS place
    FROM files
    WHERE position IS NOT NULL
        AND session IN (SELECT session FROM files WHERE position IS NOT NULL GROUP BY session, position HAVING count(*) > 1)
) AS counted
WHERE files.id = counted.id;

-- Serves a session's list of files, and the foreign key, as the index before it did.
CREATE UNIQUE INDEX files_position ON files (session, position);
DROP INDEX files_of_session;
