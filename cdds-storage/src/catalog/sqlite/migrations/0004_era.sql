-- How often a job was brought back from a clock that was ahead: its slots come again under other ids.
ALTER TABLE job ADD COLUMN era INTEGER NOT NULL DEFAULT 0;
