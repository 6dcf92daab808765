-- What the last change of a job still has to do to what waits, which may be too much for one transaction.
ALTER TABLE job ADD COLUMN unsettled TEXT;
CREATE INDEX job_unsettled ON job (id) WHERE unsettled IS NOT NULL;
