-- Requests of suppliers on their way to devices, codes of devices on their way to suppliers, and what became of them.
-- A code is sealed: nobody here can read it. Its bytes lie in parts, as they came.

ALTER TABLE license ADD COLUMN report_due BIGINT;

CREATE TABLE report_request (
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    nonce BYTEA NOT NULL CHECK (length(nonce) = 16),
    supplier_id BYTEA NOT NULL CHECK (length(supplier_id) = 16),
    license_id BYTEA NOT NULL CHECK (length(license_id) = 16),
    app_id TEXT COLLATE "C" NOT NULL,
    device_id BYTEA CHECK (length(device_id) = 16),
    wanted TEXT COLLATE "C" NOT NULL CHECK (wanted IN ('usage', 'erasure')),
    made BIGINT NOT NULL,
    due BIGINT NOT NULL,
    document BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'answered', 'closed')),
    changed BIGINT NOT NULL,
    PRIMARY KEY (user_id, nonce)
);
CREATE INDEX report_request_of ON report_request (supplier_id, made);

CREATE TABLE report (
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    report_id BYTEA NOT NULL CHECK (length(report_id) = 16),
    supplier_id BYTEA NOT NULL CHECK (length(supplier_id) = 16),
    license_id BYTEA NOT NULL CHECK (length(license_id) = 16),
    app_id TEXT COLLATE "C" NOT NULL,
    device_id BYTEA NOT NULL CHECK (length(device_id) = 16),
    wanted TEXT COLLATE "C" NOT NULL CHECK (wanted IN ('usage', 'erasure')),
    nonce BYTEA CHECK (length(nonce) = 16),
    length BIGINT NOT NULL CHECK (length > 0),
    arrived BIGINT NOT NULL CHECK (arrived >= 0 AND arrived <= length),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('arriving', 'waiting', 'elsewhere', 'judged')),
    verdict TEXT COLLATE "C",
    reasons TEXT COLLATE "C" NOT NULL,
    notice BIGINT NOT NULL CHECK (notice IN (0, 1)),
    received BIGINT NOT NULL,
    judged BIGINT,
    judged_by TEXT COLLATE "C",
    PRIMARY KEY (user_id, digest)
);
CREATE UNIQUE INDEX report_of ON report (supplier_id, report_id);
CREATE INDEX report_since ON report (received);

CREATE TABLE report_part (
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    begins BIGINT NOT NULL CHECK (begins >= 0),
    bytes BYTEA NOT NULL,
    PRIMARY KEY (user_id, digest, begins)
);
