-- Version 11: searches in a million titles, and in the names of sets of thousands of parts.

-- A job is found by a number of its own: row ids may change when the file is compacted. The index holds all that a
-- list of jobs is filtered by most and sorted by.
ALTER TABLE job ADD COLUMN number INTEGER;
UPDATE job SET number = rowid;
CREATE INDEX job_number ON job (number, owner, title_folded, created_at, id, state, source, data_type, frequency,
    CASE latest_status WHEN 'queued' THEN 0 WHEN 'in_progress' THEN 1 WHEN 'finished' THEN 2
    WHEN 'finished_with_errors' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 WHEN 'skipped' THEN 6 END,
    latest_started_at, next_due_at);

-- With the title, so that the list of the newest jobs is searched in this index alone if a text is in very many titles.
DROP INDEX job_list;
CREATE INDEX job_list ON job (owner, created_at, id, state, title_folded) WHERE state <> 'deleted';

-- The words of a job that is not deleted: one for each group of one, two or three characters of its title, with its
-- owner, so that a search reads nothing of other owners. In hexadecimal digits, so that no character of a title has a
-- meaning; `g` is none of them.
CREATE VIEW job_words AS SELECT id, number, (
    WITH RECURSIVE place (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM place WHERE at < length(job.title_folded)),
        size (long) AS (VALUES (1), (2), (3))
    SELECT group_concat(hex(job.owner) || 'g' || hex(substr(job.title_folded, at, long)), ' ') FROM place, size
    WHERE at + long - 1 <= length(job.title_folded)) AS words
FROM job WHERE state <> 'deleted';
CREATE VIRTUAL TABLE job_search USING fts5 (words, content = '', tokenize = 'ascii', detail = 'none', columnsize = 0);
INSERT INTO job_search (rowid, words) SELECT number, words FROM job_words ORDER BY number;
-- One piece, so that later pieces are small for long and a submission merges little.
INSERT INTO job_search (job_search) VALUES ('optimize');

-- Triggers, so that programs of versions 9 and 10 keep it, too. The old words are taken away before the row changes.
CREATE TRIGGER job_found AFTER INSERT ON job BEGIN
    UPDATE job SET number = (SELECT coalesce(max(number), 0) + 1 FROM job) WHERE id = NEW.id;
    INSERT INTO job_search (rowid, words) SELECT number, words FROM job_words WHERE id = NEW.id;
END;
CREATE TRIGGER job_lost BEFORE UPDATE OF title_folded, state ON job
WHEN OLD.title_folded <> NEW.title_folded OR (OLD.state = 'deleted') <> (NEW.state = 'deleted') BEGIN
    INSERT INTO job_search (job_search, rowid, words) SELECT 'delete', number, words FROM job_words WHERE id = OLD.id;
END;
CREATE TRIGGER job_renamed AFTER UPDATE OF title_folded, state ON job
WHEN OLD.title_folded <> NEW.title_folded OR (OLD.state = 'deleted') <> (NEW.state = 'deleted') BEGIN
    INSERT INTO job_search (rowid, words) SELECT number, words FROM job_words WHERE id = NEW.id;
END;
CREATE TRIGGER job_forgotten BEFORE DELETE ON job BEGIN
    INSERT INTO job_search (job_search, rowid, words) SELECT 'delete', number, words FROM job_words WHERE id = OLD.id;
END;

-- The form of a file's name behind its owner: with a slash for the id of the execution, and two for the number of a
-- part that is not the last, so that all such parts have one form. Programs of versions 9 and 10 need
-- artifact_list_frame; a later version drops it.
CREATE INDEX artifact_list_form
    ON artifact (owner || '/' || replace(replace(name_folded, execution_id, '/'), '.z' || printf('%02d', part), '.z//'),
    created_at, execution_id, part, live) WHERE live;
CREATE INDEX artifact_list_number
    ON artifact (owner || '/' || replace(replace(name_folded, execution_id, '/'), '.z' || printf('%02d', part), '.z//'),
    part, created_at, execution_id, live, instr(name_folded, '.z' || printf('%02d', part)) > 0)
    WHERE live AND instr(name_folded, '.z' || printf('%02d', part)) > 0;
