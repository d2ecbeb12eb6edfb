-- Columns are BIGINT, TEXT and BYTEA only; times are microseconds UTC; ids are 16 bytes. What belongs to a
-- license leads its key with user_id, so that the same schema can be distributed by user. Texts are in the order
-- of their bytes, as SQLite has them. Licenses and journals are updated in place where their page has room.

CREATE TABLE setting (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE supplier (
    supplier_id BYTEA NOT NULL PRIMARY KEY CHECK (length(supplier_id) = 16),
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    title TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE supplier_token (
    hash BYTEA NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    supplier_id BYTEA NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    revoked BIGINT
);
CREATE INDEX supplier_token_of ON supplier_token (supplier_id, created);

CREATE TABLE one_time_code (
    hash BYTEA NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    purpose TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT
);

CREATE TABLE app (
    app_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    supplier_id BYTEA NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    serial BIGINT NOT NULL CHECK (serial >= 0),
    menu TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
CREATE INDEX app_of ON app (supplier_id, app_id);

-- Sealed by the server before it comes here.
CREATE TABLE server_key (
    key_id BYTEA NOT NULL PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL,
    supplier_id BYTEA,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'retired', 'revoked')),
    public_key BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE idempotency (
    account TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    body BYTEA NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (account, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created);

-- Personal values live here and nowhere else (I19). The row itself stays when they are erased.
CREATE TABLE account (
    user_id BYTEA NOT NULL PRIMARY KEY CHECK (length(user_id) = 16),
    created BIGINT NOT NULL,
    name TEXT COLLATE "C",
    email TEXT COLLATE "C",
    address TEXT COLLATE "C",
    telephone TEXT COLLATE "C",
    payment_reference TEXT COLLATE "C"
);

CREATE TABLE device_name (
    device_id BYTEA NOT NULL PRIMARY KEY,
    user_id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL
);

-- From here on: written by ledger operations only.

CREATE TABLE device (
    device_id BYTEA NOT NULL PRIMARY KEY CHECK (length(device_id) = 16),
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    signing_key BYTEA NOT NULL CHECK (length(signing_key) = 32),
    agreement_key BYTEA NOT NULL CHECK (length(agreement_key) = 32),
    evidence TEXT COLLATE "C" NOT NULL CHECK (evidence IN ('hardware', 'file', 'tpm')),
    receipt BYTEA NOT NULL CHECK (length(receipt) = 32),
    registered BIGINT NOT NULL,
    settled BIGINT,
    retired BIGINT NOT NULL CHECK (retired IN (0, 1)),
    lost BIGINT,
    until BIGINT,
    enrolled BYTEA CHECK (length(enrolled) = 32),
    only_license BYTEA CHECK (length(only_license) = 16),
    version BIGINT NOT NULL CHECK (version > 0)
);
CREATE INDEX device_of ON device (user_id, device_id);

-- What users agreed to, once for each wording.
CREATE TABLE base (
    digest BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    listed TEXT COLLATE "C" NOT NULL
);

CREATE TABLE license (
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    app_id TEXT COLLATE "C" NOT NULL,
    license_id BYTEA NOT NULL CHECK (length(license_id) = 16),
    supplier_id BYTEA NOT NULL CHECK (length(supplier_id) = 16),
    base BYTEA NOT NULL,
    agreed BIGINT NOT NULL,
    first_use BIGINT,
    agreed_on BYTEA NOT NULL CHECK (length(agreed_on) = 16),
    paid_elsewhere BIGINT NOT NULL CHECK (paid_elsewhere IN (0, 1)),
    standing TEXT COLLATE "C" NOT NULL CHECK (standing IN ('active', 'suspended', 'declined', 'ended', 'revoked')),
    owed_pending BIGINT NOT NULL CHECK (owed_pending >= 0),
    owed_failed BIGINT NOT NULL CHECK (owed_failed >= 0),
    charged_until BIGINT,
    lost BYTEA NOT NULL,
    rights BYTEA NOT NULL,
    uses_total BIGINT,
    uses_remaining BIGINT CHECK (uses_remaining >= 0),
    uses_held BIGINT CHECK (uses_held >= 0),
    uses_moving BIGINT CHECK (uses_moving >= 0),
    uses_settled BIGINT CHECK (uses_settled >= 0),
    uses_forfeited BIGINT CHECK (uses_forfeited >= 0),
    seconds_total BIGINT,
    seconds_remaining BIGINT CHECK (seconds_remaining >= 0),
    seconds_held BIGINT CHECK (seconds_held >= 0),
    seconds_moving BIGINT CHECK (seconds_moving >= 0),
    seconds_settled BIGINT CHECK (seconds_settled >= 0),
    seconds_forfeited BIGINT CHECK (seconds_forfeited >= 0),
    at_risk BIGINT NOT NULL CHECK (at_risk >= 0),
    head BYTEA NOT NULL CHECK (length(head) = 32),
    last_event BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (user_id, app_id, license_id),
    -- I3. A line that is not counted has no part at all.
    CHECK (uses_total = uses_remaining + uses_held + uses_moving + uses_settled + uses_forfeited
        OR (uses_total IS NULL AND uses_remaining IS NULL AND uses_held IS NULL AND uses_moving IS NULL
            AND uses_settled IS NULL AND uses_forfeited IS NULL)),
    CHECK (seconds_total
            = seconds_remaining + seconds_held + seconds_moving + seconds_settled + seconds_forfeited
        OR (seconds_total IS NULL AND seconds_remaining IS NULL AND seconds_held IS NULL
            AND seconds_moving IS NULL AND seconds_settled IS NULL AND seconds_forfeited IS NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX license_of ON license (supplier_id, license_id);

-- The signed consent, word for word, written once.
CREATE TABLE agreement (
    user_id BYTEA NOT NULL,
    license_id BYTEA NOT NULL,
    document BYTEA NOT NULL,
    PRIMARY KEY (user_id, license_id)
);

-- app_id is empty for the device's own journal.
CREATE TABLE journal (
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    device_id BYTEA NOT NULL CHECK (length(device_id) = 16),
    app_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL CHECK (epoch >= 0),
    answer BYTEA NOT NULL CHECK (length(answer) = 32),
    slot_request BYTEA,
    slot_body BYTEA,
    slot_answer BYTEA,
    accounts BYTEA NOT NULL,
    active BYTEA,
    former BYTEA NOT NULL,
    flagged BIGINT,
    settled BIGINT CHECK (settled >= 0),
    reconciled BIGINT NOT NULL CHECK (reconciled >= 0),
    events BIGINT NOT NULL CHECK (events > 0),
    last_event BIGINT NOT NULL,
    anchor BIGINT NOT NULL,
    asides BIGINT NOT NULL CHECK (asides >= 0),
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (user_id, device_id, app_id),
    CHECK ((slot_request IS NULL) = (slot_body IS NULL) AND (slot_body IS NULL) = (slot_answer IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX journal_flagged ON journal (flagged) WHERE flagged IS NOT NULL;

CREATE TABLE move (
    user_id BYTEA NOT NULL,
    move_id BYTEA NOT NULL CHECK (length(move_id) = 16),
    license_id BYTEA NOT NULL,
    app_id TEXT COLLATE "C" NOT NULL,
    "right" BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    source BYTEA NOT NULL,
    uses BIGINT NOT NULL CHECK (uses >= 0),
    seconds BIGINT NOT NULL CHECK (seconds >= 0),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('moving', 'imported', 'cancelled')),
    imported_by BYTEA,
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (user_id, move_id),
    CHECK ((status = 'imported') = (imported_by IS NOT NULL))
);
CREATE UNIQUE INDEX move_named ON move (move_id);

-- Codes by which devices join a user: digests only.
CREATE TABLE user_code (
    digest BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    purpose TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('join', 'recovery', 'enrolment')),
    most BIGINT,
    lifetime BIGINT,
    made BIGINT NOT NULL,
    expires BIGINT,
    used BIGINT NOT NULL CHECK (used >= 0),
    withdrawn BIGINT NOT NULL CHECK (withdrawn IN (0, 1)),
    version BIGINT NOT NULL CHECK (version > 0),
    CHECK ((purpose = 'enrolment') = (most IS NOT NULL) AND (most IS NULL) = (lifetime IS NULL))
);
CREATE INDEX user_code_of ON user_code (user_id, made);

-- Offers that were paid for elsewhere: digests of their codes only.
CREATE TABLE redeem_code (
    digest BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    supplier_id BYTEA NOT NULL CHECK (length(supplier_id) = 16),
    app_id TEXT COLLATE "C" NOT NULL,
    base BYTEA NOT NULL CHECK (length(base) = 32),
    label TEXT COLLATE "C" NOT NULL,
    made BIGINT NOT NULL,
    expires BIGINT,
    used BYTEA CHECK (length(used) = 16),
    withdrawn BIGINT NOT NULL CHECK (withdrawn IN (0, 1)),
    version BIGINT NOT NULL CHECK (version > 0)
);
CREATE INDEX redeem_code_of ON redeem_code (supplier_id, made, digest);

CREATE TABLE charge (
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    charge_id BYTEA NOT NULL CHECK (length(charge_id) = 16),
    license_id BYTEA NOT NULL CHECK (length(license_id) = 16),
    supplier_id BYTEA NOT NULL CHECK (length(supplier_id) = 16),
    minor BIGINT NOT NULL CHECK (minor > 0),
    currency TEXT COLLATE "C" NOT NULL,
    due_for TEXT COLLATE "C" NOT NULL CHECK (due_for IN ('agreement', 'pass', 'period')),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'settled', 'failed', 'refunded')),
    due BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (user_id, charge_id)
);
CREATE UNIQUE INDEX charge_of ON charge (supplier_id, charge_id);
CREATE INDEX charge_for ON charge (user_id, license_id);

-- Answers that never touch a journal's slot.
CREATE TABLE aside (
    user_id BYTEA NOT NULL,
    device_id BYTEA NOT NULL,
    app_id TEXT COLLATE "C" NOT NULL,
    request_id BYTEA NOT NULL,
    body BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    event BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_id, app_id, request_id)
);

-- Head of the chain of a user's events that concern no license.
CREATE TABLE user_chain (
    user_id BYTEA NOT NULL PRIMARY KEY,
    head BYTEA NOT NULL CHECK (length(head) = 32),
    last_event BIGINT NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0)
);

-- Append only: posting, audit record and witness of the request in one. No index on the hot path (see
-- ledger/past.rs); `previous` and `anchor` chain a journal's events, `chained` those of a license or user.
CREATE TABLE event (
    seq BIGINT NOT NULL PRIMARY KEY,
    user_id BYTEA NOT NULL CHECK (length(user_id) = 16),
    supplier_id BYTEA,
    license_id BYTEA,
    of_license BIGINT NOT NULL CHECK (of_license IN (0, 1)),
    device_id BYTEA,
    app_id TEXT COLLATE "C",
    nth BIGINT,
    epoch BIGINT,
    quoted BIGINT,
    request_id BYTEA,
    body BYTEA,
    answer BYTEA,
    kind TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C",
    postings TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    previous BIGINT,
    anchor BIGINT,
    chained BIGINT,
    hash BYTEA NOT NULL CHECK (length(hash) = 32)
);
-- Grows at its end for each supplier, so it costs little; registrations have no supplier.
CREATE INDEX event_of ON event (supplier_id, seq) WHERE supplier_id IS NOT NULL;
