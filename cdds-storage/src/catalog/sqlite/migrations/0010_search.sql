-- Version 10: searches in a million names, and filters whose rows are sorted by any column.

-- What is around the id of the execution in the name of a file, behind the owner. Many names share it.
CREATE INDEX artifact_list_frame
    ON artifact (owner || '/' || replace(name_folded, execution_id, '/'), created_at, execution_id, part, live)
    WHERE live;

-- The ids of the sets that are not removed, by groups of three characters, with a mark at either end. A set is found
-- by a number of its own: row ids may change when the file is compacted.
ALTER TABLE artifact_set ADD COLUMN number INTEGER;
UPDATE artifact_set SET number = rowid;
CREATE UNIQUE INDEX artifact_set_number ON artifact_set (number);
CREATE VIRTUAL TABLE set_search USING fts5 (id, content = '', tokenize = 'trigram', detail = 'none', columnsize = 0);
INSERT INTO set_search (rowid, id)
SELECT number, '-' || execution_id || '.' FROM artifact_set WHERE removed_at IS NULL ORDER BY number;
-- One piece, so that later pieces are small for long and publishing merges little.
INSERT INTO set_search (set_search) VALUES ('optimize');

-- Triggers, so that programs of version 9 keep it, too.
CREATE TRIGGER artifact_set_found AFTER INSERT ON artifact_set BEGIN
    UPDATE artifact_set SET number = (SELECT coalesce(max(number), 0) + 1 FROM artifact_set)
    WHERE execution_id = NEW.execution_id;
    INSERT INTO set_search (rowid, id)
    SELECT number, '-' || execution_id || '.' FROM artifact_set WHERE execution_id = NEW.execution_id;
END;
CREATE TRIGGER artifact_set_lost AFTER UPDATE OF removed_at ON artifact_set
WHEN OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL BEGIN
    INSERT INTO set_search (set_search, rowid, id) VALUES ('delete', OLD.number, '-' || OLD.execution_id || '.');
END;
CREATE TRIGGER artifact_set_forgotten AFTER DELETE ON artifact_set WHEN OLD.removed_at IS NULL BEGIN
    INSERT INTO set_search (set_search, rowid, id) VALUES ('delete', OLD.number, '-' || OLD.execution_id || '.');
END;

-- The rows of one status, and files on hold or not, are sorted by any column out of one index.
DROP INDEX execution_list_status;
CREATE INDEX execution_list_status ON execution (owner, CASE status WHEN 'queued' THEN 0 WHEN 'in_progress' THEN 1 WHEN 'finished' THEN 2
    WHEN 'finished_with_errors' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 WHEN 'skipped' THEN 6 END, slot, id, deleted_at,
    source, data_type, title_folded, started_at, finished_at, records, has_files) WHERE deleted_at IS NULL;
-- The owner second, so that SQLite does not take this index for the list of an owner's files.
DROP INDEX artifact_list_hold;
CREATE INDEX artifact_list_hold ON artifact (hold, owner, created_at, execution_id, part, live,
    data_type, bytes, expires_at, downloads) WHERE live;
