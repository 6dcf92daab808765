-- How a copy is handed over to a data subject, and that it was.

-- 'plaintext', or the fingerprint of the certificate for which it is sealed; NULL if none is handed over.
ALTER TABLE subject_request ADD COLUMN handover TEXT COLLATE "C";

-- When the set was published, and by which execution.
ALTER TABLE subject_request ADD COLUMN handed_over_at BIGINT;
ALTER TABLE subject_request ADD COLUMN handed_over_by TEXT COLLATE "C";
