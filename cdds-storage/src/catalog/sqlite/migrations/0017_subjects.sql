-- Version 17: requests of data subjects. Programs of versions 9 to 16 may use it, too, and know nothing of them.

CREATE TABLE subject_request (
    id             TEXT PRIMARY KEY,
    owner          TEXT NOT NULL,
    version        INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    state          TEXT NOT NULL,
    -- The chosen sources and types, as a list of JSON; empty for all.
    scope          TEXT NOT NULL,
    -- The identifiers while it is open, under a key that is not in this file.
    sealed_by      TEXT,
    sealed         BLOB,
    received_at    INTEGER NOT NULL,
    received_by    TEXT NOT NULL,
    due_at         INTEGER NOT NULL,
    evidence_who   TEXT,
    evidence_how   TEXT,
    verified_at    INTEGER,
    verified_by    TEXT,
    approved_at    INTEGER,
    approved_by    TEXT,
    extended_at    INTEGER,
    extended_by    TEXT,
    ended_at       INTEGER,
    ended_by       TEXT,
    -- Why it was refused.
    reason         TEXT
) STRICT, WITHOUT ROWID;

-- Keyed hashes of the identifiers, which stay.
CREATE TABLE subject_hash (
    request_id TEXT NOT NULL REFERENCES subject_request (id) ON DELETE CASCADE,
    -- Their order.
    place      INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    digest     TEXT NOT NULL,
    PRIMARY KEY (request_id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX subject_hash_found ON subject_hash (digest, key_id, kind);

CREATE INDEX subject_request_listed ON subject_request (owner, received_at, id);

CREATE INDEX subject_request_by_due ON subject_request (owner, due_at, received_at, id);

CREATE INDEX subject_request_by_state ON subject_request (owner, state, received_at, id);

CREATE INDEX subject_request_by_kind ON subject_request (owner, kind, received_at, id);
