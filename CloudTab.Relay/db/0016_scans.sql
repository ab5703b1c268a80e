-- What the virus scanner said of a file; unscanned if there is none, or if it could not tell.
ALTER TABLE files ADD COLUMN scan text NOT NULL DEFAULT 'unscanned' CHECK (scan IN ('clean', 'infected', 'unscanned'));
