-- Version 16: since when a worker has been asked to drain. Programs of versions 9 to 15 may use it, too: they write their
-- own row without it, and claim on.

ALTER TABLE worker ADD COLUMN draining_since INTEGER;
