-- The whole catalog. It is what SQLite's migrations up to 16 make, in PostgreSQL's types. Texts are compared byte by
-- byte, instants are whole microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE reader (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    oldest BIGINT NOT NULL
);

CREATE TABLE job (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    -- Repeated from the settings, to be searched and sorted by.
    title_folded TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    data_type TEXT COLLATE "C" NOT NULL,
    frequency TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    next_due_at BIGINT,
    revision BIGINT NOT NULL DEFAULT 1,
    watermark_generation BIGINT,
    watermark_at BIGINT,
    suspended_at BIGINT,
    tiled_until BIGINT,
    failures_in_row BIGINT NOT NULL DEFAULT 0,
    era BIGINT NOT NULL DEFAULT 0,
    unsettled TEXT COLLATE "C",
    latest_status TEXT COLLATE "C",
    latest_started_at BIGINT
);

CREATE TABLE execution (
    id TEXT COLLATE "C" PRIMARY KEY,
    job_id TEXT COLLATE "C" NOT NULL REFERENCES job (id),
    owner TEXT COLLATE "C" NOT NULL,
    "trigger" TEXT COLLATE "C" NOT NULL,
    slot BIGINT NOT NULL,
    window_start BIGINT,
    window_end BIGINT NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    -- Repeated from the settings, to be filtered and sorted by.
    title_folded TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    data_type TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    -- The failure of a failed one, the reason of a skipped one.
    detail TEXT COLLATE "C",
    epoch BIGINT NOT NULL,
    attempts TEXT COLLATE "C" NOT NULL,
    not_before BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    progress TEXT COLLATE "C" NOT NULL,
    records BIGINT NOT NULL,
    -- Set while it runs. A lease is valid from its renewal until it expires; one that was renewed in the
    -- future comes from a clock that has been set back.
    worker TEXT COLLATE "C",
    lease_renewed_at BIGINT,
    lease_expires_at BIGINT,
    generation BIGINT,
    queue_at BIGINT NOT NULL DEFAULT 0,
    rerun_of TEXT COLLATE "C",
    cancel_requested_at BIGINT,
    deleted_at BIGINT,
    frozen_at BIGINT,
    waits_since BIGINT,
    complete_until BIGINT,
    has_files BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE artifact_set (
    execution_id TEXT COLLATE "C" PRIMARY KEY REFERENCES execution (id),
    manifest_name TEXT COLLATE "C" NOT NULL,
    manifest_key TEXT COLLATE "C" NOT NULL,
    manifest_bytes BIGINT NOT NULL,
    manifest_sha256 TEXT COLLATE "C" NOT NULL,
    published_at BIGINT NOT NULL,
    -- The latest expiry of its files: within it nothing disappears (invariant I12).
    expires_at BIGINT NOT NULL,
    -- Marked as removed: shown no more, its files are being deleted.
    removed_at BIGINT,
    -- Its files are gone.
    removal_confirmed_at BIGINT,
    signature_name TEXT COLLATE "C",
    signature_key TEXT COLLATE "C",
    signature_bytes BIGINT,
    signature_sha256 TEXT COLLATE "C",
    -- The order in which they were stored.
    rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE
);

CREATE TABLE artifact (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    execution_id TEXT COLLATE "C" NOT NULL REFERENCES artifact_set (execution_id),
    job_id TEXT COLLATE "C" NOT NULL REFERENCES job (id),
    data_type TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    part BIGINT NOT NULL,
    parts BIGINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    hold BOOLEAN NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL DEFAULT '',
    removed_at BIGINT,
    removal_confirmed_at BIGINT,
    live BOOLEAN NOT NULL DEFAULT TRUE,
    downloads BIGINT NOT NULL DEFAULT 0,
    UNIQUE (execution_id, part),
    -- The order in which they were stored.
    rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE
);

CREATE TABLE download (
    artifact_id TEXT COLLATE "C" NOT NULL REFERENCES artifact (id),
    at BIGINT NOT NULL
);

CREATE TABLE recipient (
    owner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    der BYTEA NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    warnings TEXT COLLATE "C" NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (owner, name)
);

CREATE TABLE job_recipient (
    owner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    job_id TEXT COLLATE "C" NOT NULL REFERENCES job (id),
    PRIMARY KEY (owner, name, job_id),
    FOREIGN KEY (owner, name) REFERENCES recipient (owner, name)
);

CREATE TABLE audit (
    id TEXT COLLATE "C" PRIMARY KEY,
    at BIGINT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    object_kind TEXT COLLATE "C",
    object_id TEXT COLLATE "C",
    version_before BIGINT,
    version_after BIGINT,
    settings TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    ended_at BIGINT,
    bytes BIGINT,
    CHECK ((object_kind IS NULL) = (object_id IS NULL)),
    CHECK ((ended_at IS NULL) = (bytes IS NULL))
);

CREATE TABLE notice (
    id TEXT COLLATE "C" PRIMARY KEY,
    -- Null for a notice about a certificate.
    execution_id TEXT COLLATE "C" REFERENCES execution (id) ON DELETE CASCADE,
    job_id TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    subscriber TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    -- Why it was given up.
    reason TEXT COLLATE "C",
    epoch BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    first_attempt_at BIGINT,
    last_attempt_at BIGINT,
    failure TEXT COLLATE "C",
    -- While it waits.
    next_attempt_at BIGINT,
    -- While a worker holds it.
    worker TEXT COLLATE "C",
    lease_renewed_at BIGINT,
    lease_expires_at BIGINT,
    -- When it was sent or given up.
    ended_at BIGINT,
    -- The certificate: whose it is, which it is, and how soon it expired when the notice was stored.
    recipient TEXT COLLATE "C",
    fingerprint TEXT COLLATE "C",
    not_after BIGINT,
    expires TEXT COLLATE "C"
);

CREATE TABLE notice_turn (
    channel TEXT COLLATE "C" PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL
);

CREATE TABLE delivery (
    id TEXT COLLATE "C" PRIMARY KEY,
    execution_id TEXT COLLATE "C" NOT NULL REFERENCES execution (id) ON DELETE CASCADE,
    job_id TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    destination TEXT COLLATE "C" NOT NULL,
    -- Where to and how, as the job says it.
    settings TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    -- What has arrived and was confirmed.
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    epoch BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    first_attempt_at BIGINT,
    last_attempt_at BIGINT,
    failure TEXT COLLATE "C",
    next_attempt_at BIGINT,
    worker TEXT COLLATE "C",
    lease_renewed_at BIGINT,
    lease_expires_at BIGINT,
    ended_at BIGINT
);

CREATE TABLE delivery_turn (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    owner TEXT COLLATE "C" NOT NULL
);

CREATE TABLE health (
    target TEXT COLLATE "C" PRIMARY KEY,
    failing_since BIGINT,
    disabled_at BIGINT,
    disabled_reason TEXT COLLATE "C",
    disabled_by TEXT COLLATE "C",
    contacted_at BIGINT,
    failure TEXT COLLATE "C",
    pinned TEXT COLLATE "C"
);

CREATE TABLE turn (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    owner TEXT COLLATE "C" NOT NULL
);

CREATE TABLE store (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    id TEXT COLLATE "C" NOT NULL,
    -- Whether the store's mark is known to be written.
    confirmed BOOLEAN NOT NULL
);

CREATE TABLE housekeeper (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1),
    worker TEXT COLLATE "C" NOT NULL,
    lease_renewed_at BIGINT NOT NULL,
    lease_expires_at BIGINT NOT NULL
);

CREATE TABLE worker (
    id TEXT COLLATE "C" PRIMARY KEY,
    program TEXT COLLATE "C",
    host TEXT COLLATE "C",
    process BIGINT,
    concurrency BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    -- The last sign of life, and until when it counts.
    seen_at BIGINT NOT NULL,
    silent_at BIGINT NOT NULL,
    -- When it ended in good order.
    left_at BIGINT,
    draining_since BIGINT
);

-- Which transactions are stored: whoever does not hear how a commit has ended finds out here.
CREATE TABLE receipt (
    id UUID PRIMARY KEY,
    -- False: it is not stored, and may not be any more.
    stored BOOLEAN NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Empty: those who write lock it, beside each other or alone.
CREATE TABLE writing ();

-- Empty: those who claim lock it, one at a time.
CREATE TABLE claiming ();

CREATE INDEX artifact_list ON artifact (owner, created_at, execution_id, part) WHERE live;
CREATE INDEX artifact_list_downloads ON artifact (owner, downloads, created_at, execution_id, part) WHERE live;
CREATE INDEX artifact_list_expiry ON artifact (owner, expires_at, created_at, execution_id, part) WHERE live;
CREATE INDEX artifact_list_hold ON artifact (hold, owner, created_at, execution_id, part) WHERE live;
CREATE INDEX artifact_list_name ON artifact (owner, execution_id, created_at, part) WHERE live;
CREATE INDEX artifact_list_part ON artifact (owner, part, created_at, execution_id) WHERE live;
CREATE INDEX artifact_list_size ON artifact (owner, bytes, created_at, execution_id, part) WHERE live;
CREATE INDEX artifact_list_type ON artifact (owner, data_type, created_at, execution_id, part) WHERE live;
CREATE INDEX artifact_of_job ON artifact (job_id, created_at, execution_id, part) WHERE live;
CREATE INDEX artifact_removal ON artifact (removed_at) WHERE removed_at IS NOT NULL AND removal_confirmed_at IS NULL;
CREATE INDEX artifact_set_expiry ON artifact_set (expires_at) WHERE removed_at IS NULL;
CREATE INDEX artifact_set_removal ON artifact_set (removed_at) WHERE removed_at IS NOT NULL AND removal_confirmed_at IS NULL;
CREATE INDEX audit_by_age ON audit (at, id);
CREATE INDEX audit_list ON audit (owner, at, id);
CREATE INDEX audit_list_action ON audit (owner, action, at, id);
CREATE INDEX audit_list_object ON audit (owner, object_id, at, id);
CREATE INDEX audit_list_principal ON audit (owner, principal, at, id);
CREATE INDEX delivery_by_destination ON delivery (owner, destination, created_at, id);
CREATE INDEX delivery_by_state ON delivery (owner, state, created_at, id);
CREATE INDEX delivery_held ON delivery (id) WHERE state = 'held';
CREATE INDEX delivery_listed ON delivery (owner, created_at, id);
CREATE INDEX delivery_of_execution ON delivery (execution_id);
CREATE INDEX delivery_to ON delivery (destination, state);
CREATE INDEX delivery_waiting ON delivery (owner, destination, next_attempt_at, id) WHERE state = 'waiting';
CREATE INDEX download_of_artifact ON download (artifact_id, at);
CREATE INDEX execution_begun ON execution (job_id) WHERE status = 'queued' AND epoch > 0;
CREATE INDEX execution_by_job ON execution (job_id);
CREATE INDEX execution_deleted ON execution (deleted_at, id) WHERE deleted_at IS NOT NULL;
CREATE INDEX execution_ended ON execution (finished_at, id) WHERE finished_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX execution_latest ON execution (job_id, created_at, slot, id) WHERE status <> 'skipped' AND deleted_at IS NULL;
CREATE INDEX execution_list ON execution (owner, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_duration ON execution (owner, (finished_at - started_at), slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_files ON execution (owner, (CASE WHEN has_files THEN id END), slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_finished ON execution (owner, finished_at, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_records ON execution (owner, records, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_source ON execution (owner, source, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_started ON execution (owner, started_at, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_status ON execution (owner, (CASE status WHEN 'queued' THEN 0 WHEN 'in_progress' THEN 1 WHEN 'finished' THEN 2 WHEN 'finished_with_errors' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 WHEN 'skipped' THEN 6 END), slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_title ON execution (owner, title_folded, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_list_type ON execution (owner, data_type, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_of_job ON execution (job_id, slot, id) WHERE deleted_at IS NULL;
CREATE INDEX execution_queue_of_job ON execution (job_id, queue_at, slot, id) WHERE status = 'queued';
CREATE INDEX execution_queue_of_owner ON execution (owner, queue_at, slot, id) INCLUDE (job_id, source, not_before, epoch) WHERE status = 'queued';
CREATE INDEX execution_ready ON execution (not_before) WHERE status = 'queued';
CREATE UNIQUE INDEX execution_running ON execution (job_id) WHERE status = 'in_progress';
CREATE INDEX execution_success ON execution (job_id, finished_at) WHERE status IN ('finished', 'finished_with_errors') AND deleted_at IS NULL;
CREATE INDEX job_deleted ON job (updated_at, id) WHERE state = 'deleted';
CREATE INDEX job_due ON job (next_due_at, id) WHERE state = 'active' AND next_due_at IS NOT NULL;
CREATE INDEX job_list ON job (owner, created_at, id, title_folded) WHERE state <> 'deleted';
CREATE INDEX job_list_due ON job (owner, next_due_at, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_frequency ON job (owner, frequency, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_latest_started ON job (owner, latest_started_at, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_latest_status ON job (owner, (CASE latest_status WHEN 'queued' THEN 0 WHEN 'in_progress' THEN 1 WHEN 'finished' THEN 2 WHEN 'finished_with_errors' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 WHEN 'skipped' THEN 6 END), created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_source ON job (owner, source, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_state ON job (owner, state, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_title ON job (owner, title_folded, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_list_type ON job (owner, data_type, created_at, id) WHERE state <> 'deleted';
CREATE INDEX job_unsettled ON job (id) WHERE unsettled IS NOT NULL;
CREATE INDEX job_recipient_of_job ON job_recipient (job_id);
CREATE INDEX notice_by_channel ON notice (owner, channel, at, id);
CREATE INDEX notice_by_job ON notice (owner, job_id, at, id);
CREATE INDEX notice_by_kind ON notice (owner, kind, at, id);
CREATE INDEX notice_by_state ON notice (owner, state, at, id);
CREATE INDEX notice_by_subscriber ON notice (owner, subscriber, at, id);
CREATE INDEX notice_ended ON notice (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX notice_held ON notice (channel) WHERE state = 'held';
CREATE INDEX notice_listed ON notice (owner, at, id);
CREATE INDEX notice_of_execution ON notice (execution_id);
CREATE INDEX notice_sent ON notice (owner, at, id, channel) WHERE channel <> 'host';
CREATE INDEX notice_waiting ON notice (channel, owner, subscriber, next_attempt_at, id) WHERE state = 'waiting';
CREATE INDEX receipt_by_age ON receipt (at);

-- Leases and progress change often: most of these updates find room in the page of their row.
ALTER TABLE execution SET (fillfactor = 70);
ALTER TABLE worker SET (fillfactor = 50);

-- The newest execution of a job, as lists show it.
CREATE FUNCTION tell_latest(of_job TEXT) RETURNS VOID LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    newest RECORD;
BEGIN
    SELECT e.status, e.started_at INTO newest FROM execution e WHERE e.job_id = of_job AND e.status = 'in_progress';
    IF NOT FOUND THEN
        SELECT e.status, e.started_at INTO newest FROM execution e
        WHERE e.job_id = of_job AND e.status <> 'skipped' AND e.deleted_at IS NULL
        ORDER BY e.created_at DESC, e.slot DESC, e.id DESC LIMIT 1;
    END IF;
    UPDATE job SET latest_status = newest.status, latest_started_at = newest.started_at
    WHERE id = of_job AND (latest_status IS DISTINCT FROM newest.status
        OR latest_started_at IS DISTINCT FROM newest.started_at);
END $$;

CREATE FUNCTION execution_latest() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM tell_latest(OLD.job_id);
    ELSE
        PERFORM tell_latest(NEW.job_id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER execution_latest_inserted AFTER INSERT ON execution
    FOR EACH ROW WHEN (NEW.status <> 'skipped') EXECUTE FUNCTION execution_latest();
CREATE TRIGGER execution_latest_changed AFTER UPDATE OF status, started_at, deleted_at ON execution
    FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.started_at IS DISTINCT FROM NEW.started_at
        OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) EXECUTE FUNCTION execution_latest();
CREATE TRIGGER execution_latest_forgotten AFTER DELETE ON execution
    FOR EACH ROW EXECUTE FUNCTION execution_latest();

CREATE FUNCTION artifact_removed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    NEW.live := FALSE;
    RETURN NEW;
END $$;

CREATE TRIGGER artifact_removed BEFORE UPDATE OF removed_at ON artifact
    FOR EACH ROW WHEN (NEW.removed_at IS NOT NULL) EXECUTE FUNCTION artifact_removed();

CREATE FUNCTION artifact_set_shown() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE execution SET has_files = (NEW.removed_at IS NULL) WHERE id = NEW.execution_id;
    IF NEW.removed_at IS NOT NULL THEN
        UPDATE artifact SET live = FALSE WHERE execution_id = NEW.execution_id AND live;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER artifact_set_published AFTER INSERT ON artifact_set
    FOR EACH ROW EXECUTE FUNCTION artifact_set_shown();
CREATE TRIGGER artifact_set_removed AFTER UPDATE OF removed_at ON artifact_set
    FOR EACH ROW WHEN (NEW.removed_at IS NOT NULL) EXECUTE FUNCTION artifact_set_shown();

CREATE FUNCTION download_counted() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE artifact SET downloads = downloads - 1 WHERE id = OLD.artifact_id;
    ELSE
        UPDATE artifact SET downloads = downloads + 1 WHERE id = NEW.artifact_id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER download_counted AFTER INSERT OR DELETE ON download
    FOR EACH ROW EXECUTE FUNCTION download_counted();
