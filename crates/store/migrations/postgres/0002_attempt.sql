-- Wrong codes. The subject is a digest of an address or a user; a row goes when its time is over.

CREATE TABLE attempt (
    subject BYTEA NOT NULL PRIMARY KEY CHECK (length(subject) = 32),
    until BIGINT NOT NULL
);
CREATE INDEX attempt_until ON attempt (until);
