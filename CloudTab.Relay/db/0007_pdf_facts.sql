-- What is known of a PDF: its pages, and whether it needs a password to be opened, in which case its pages are not known. Both are
-- null for other files, and for a PDF that could not be read within its limits.
ALTER TABLE files
    ADD COLUMN pages  integer CHECK (pages >= 0),
    ADD COLUMN locked boolean,
    ADD CHECK (pages IS NULL OR NOT locked);
