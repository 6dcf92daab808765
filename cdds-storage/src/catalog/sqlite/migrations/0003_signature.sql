-- The detached signature of a set's manifest (rule A5); NULL where the service did not sign.
ALTER TABLE artifact_set ADD COLUMN signature_name TEXT;
ALTER TABLE artifact_set ADD COLUMN signature_key TEXT;
ALTER TABLE artifact_set ADD COLUMN signature_bytes INTEGER;
ALTER TABLE artifact_set ADD COLUMN signature_sha256 TEXT;
