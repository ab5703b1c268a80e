-- Whose it is, so that it can go where its shop goes. The receipt itself says the same, and those that were made before this have only that.
ALTER TABLE receipts ADD COLUMN shop_id text;
