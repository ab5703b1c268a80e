-- A partial upload whose final one is stored. Its bytes are gone, and it still tells that it had all of them: a client that never got the
-- answer to the final upload asks for the partial ones first, and would send all of them again.
ALTER TABLE uploads ADD used_up boolean NOT NULL DEFAULT false;
