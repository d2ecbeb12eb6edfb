-- License keys that wait for their devices, or went there. The keys themselves are with the key service.

CREATE TABLE key_transaction (
    user_id BYTEA NOT NULL,
    transaction_id BYTEA NOT NULL CHECK (length(transaction_id) = 16),
    device_id BYTEA NOT NULL,
    app_id TEXT COLLATE "C" NOT NULL,
    license_id BYTEA NOT NULL,
    image_id BYTEA NOT NULL,
    image_version TEXT COLLATE "C" NOT NULL,
    ordered BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('open', 'delivered', 'closed')),
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (user_id, transaction_id)
);
CREATE INDEX key_transaction_of ON key_transaction (user_id, device_id, app_id);

-- Since when the key service has the content keys of an image; null: it has none.
ALTER TABLE image ADD COLUMN keyed BIGINT;
