-- Version 9: keys with a nonce, notices as rows of work, the end of what is kept, and lists of any length.

-- Keys with a nonce, and catalogs restored from a backup.

-- Work rows: notices (rule N4).

-- Growth: retention of the record, and housekeeping by one worker at a time.

-- Lists.

-- Programs of version 8 know neither the new keys nor the new rows.
UPDATE reader SET oldest = 9;
