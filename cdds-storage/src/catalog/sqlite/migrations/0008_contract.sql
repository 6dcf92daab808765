-- Version 8: the contract that services of several tenants, fleets, deliveries and notices stand on.

-- Owners' data (rule J16).

-- Principals, audit and downloads (rules C1 to C3).

-- Several reads in one set (rule J17).

-- Claims in two steps, and windows that wait for their source (rule W3b).

-- Keys with a nonce, and catalogs restored from a backup.

-- Work rows: notices and deliveries (rule N4).

-- Growth: retention of the record, and housekeeping by one worker at a time.

-- Forms that can be rolled out: the oldest version of the schema whose programs may use this file. A step that only
-- adds what they can do without leaves the number; a step that takes something away raises it.
CREATE TABLE reader (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    oldest INTEGER NOT NULL
) STRICT;
INSERT INTO reader VALUES (1, 8);

-- Lists.
