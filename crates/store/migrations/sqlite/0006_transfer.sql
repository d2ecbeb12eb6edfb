-- What a transfer has taken from a journal, until its device has shown that it knows.

ALTER TABLE journal ADD COLUMN gone BLOB;
