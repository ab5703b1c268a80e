-- Which jobs an agent prints without being asked for. One that does not say so, as all did before, prints what comes.
ALTER TABLE agents ADD COLUMN auto_print text NOT NULL DEFAULT 'all' CHECK (auto_print IN ('all', 'paid', 'none'));
