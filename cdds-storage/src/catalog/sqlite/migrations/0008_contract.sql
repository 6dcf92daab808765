-- Version 8: the contract that services of several tenants, fleets, deliveries and notices stand on.

-- Principals, audit and downloads (rules C1 to C3).
-- A download of an artifact that was verified also gets a row in table download, which lists count: rows from
-- before this version, of principals that nobody recorded, are of that kind.
CREATE TABLE audit (
    id             TEXT PRIMARY KEY NOT NULL,
    at             INTEGER NOT NULL,
    owner          TEXT NOT NULL,
    principal      TEXT NOT NULL,
    action         TEXT NOT NULL,
    object_kind    TEXT,
    object_id      TEXT,
    version_before INTEGER,
    version_after  INTEGER,
    settings       TEXT NOT NULL,
    outcome        TEXT NOT NULL,
    ended_at       INTEGER,
    bytes          INTEGER,
    CHECK ((object_kind IS NULL) = (object_id IS NULL)),
    CHECK ((ended_at IS NULL) = (bytes IS NULL))
) STRICT;

CREATE INDEX audit_list ON audit (owner, at DESC, id);

CREATE INDEX audit_of_object ON audit (owner, object_id, at DESC, id) WHERE object_id IS NOT NULL;

CREATE INDEX audit_of_principal ON audit (owner, principal, at DESC, id);

-- Claims in two steps, and windows that wait for their source (rule W3b). What was claimed before keeps its window.
ALTER TABLE execution ADD COLUMN frozen_at INTEGER;
ALTER TABLE execution ADD COLUMN waits_since INTEGER;
ALTER TABLE execution ADD COLUMN complete_until INTEGER;
UPDATE execution SET frozen_at = started_at WHERE epoch > 0;

-- Forms that can be rolled out: the oldest version of the schema whose programs may use this file. A step that only
-- adds what they can do without leaves the number; a step that takes something away raises it.
CREATE TABLE reader (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    oldest INTEGER NOT NULL
) STRICT;
INSERT INTO reader VALUES (1, 8);
