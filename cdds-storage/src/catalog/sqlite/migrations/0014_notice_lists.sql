-- Version 14: indexes for the filters and the orders of the list of notices. Programs of versions 9 to 13 may use it, too.

CREATE INDEX notice_by_job ON notice (owner, job_id, at, id);

CREATE INDEX notice_by_kind ON notice (owner, kind, at, id);

CREATE INDEX notice_by_subscriber ON notice (owner, subscriber, at, id);

CREATE INDEX notice_by_channel ON notice (owner, channel, at, id);

-- Each end of an execution leaves a notice for the host, which hides those that people are sent.
CREATE INDEX notice_sent ON notice (owner, at, id, channel) WHERE channel <> 'host';
