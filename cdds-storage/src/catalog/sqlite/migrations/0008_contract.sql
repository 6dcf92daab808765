-- Version 8: the contract that services of several tenants, fleets, deliveries and notices stand on.

-- Owners' data (rule J16).

-- Principals, audit and downloads (rules C1 to C3).

-- Several reads in one set (rule J17).

-- Claims in two steps, and windows that wait for their source (rule W3b).

-- Keys with a nonce, and catalogs restored from a backup.

-- Work rows: notices and deliveries (rule N4).

-- Growth: retention of the record, and housekeeping by one worker at a time.

-- Forms that can be rolled out.

-- Lists.
