-- Which artifact store belongs to this catalog; no row before they have met.
CREATE TABLE store (
    only      INTEGER PRIMARY KEY CHECK (only = 1),
    id        TEXT NOT NULL,
    -- Whether the store's mark is known to be written.
    confirmed INTEGER NOT NULL
) STRICT;
