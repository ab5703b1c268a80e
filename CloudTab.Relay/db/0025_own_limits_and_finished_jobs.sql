-- What the shop itself allows (CloudTab.Relay/Shops/OwnLimits.cs), one value so that two PCs that change it at once do not mix it. It counts where
-- it is below what the operator allows: max_files and the others, which stay the operator's.
ALTER TABLE shops
    ADD COLUMN own_limits jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(own_limits) = 'object');

-- What a shop names one of its finished jobs by, when it corrects whether it was paid: the session's own ids are the customer's.
ALTER TABLE finished_jobs
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;
