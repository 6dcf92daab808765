-- Version 21: how a copy is handed over to a data subject, and that it was. Programs of versions 9 to 20 may use it, too,
-- and know nothing of it: they begin no such copy, and pass over its job.

-- 'plaintext', or the fingerprint of the certificate for which it is sealed; NULL if none is handed over.
ALTER TABLE subject_request ADD COLUMN handover TEXT;

-- When the set was published, and by which execution.
ALTER TABLE subject_request ADD COLUMN handed_over_at INTEGER;
ALTER TABLE subject_request ADD COLUMN handed_over_by TEXT;
