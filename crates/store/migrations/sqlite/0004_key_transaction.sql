-- License keys that wait for their devices, or went there. The keys themselves are with the key service.

CREATE TABLE key_transaction (
    user_id BLOB NOT NULL,
    transaction_id BLOB NOT NULL CHECK (length(transaction_id) = 16),
    device_id BLOB NOT NULL,
    app_id TEXT NOT NULL,
    license_id BLOB NOT NULL,
    image_id BLOB NOT NULL,
    image_version TEXT NOT NULL,
    ordered BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'delivered', 'closed')),
    version BIGINT NOT NULL CHECK (version > 0),
    PRIMARY KEY (user_id, transaction_id)
);
CREATE INDEX key_transaction_of ON key_transaction (user_id, device_id, app_id);

-- Since when the key service has the content keys of an image; null: it has none.
ALTER TABLE image ADD COLUMN keyed BIGINT;
