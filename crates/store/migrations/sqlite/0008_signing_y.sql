-- A device may sign with a key of P-256, kept in its TPM: a point with two coordinates. `signing_key` is the first; a key
-- of Ed25519 has no second.

ALTER TABLE device ADD COLUMN signing_y BLOB CHECK (length(signing_y) = 32);
