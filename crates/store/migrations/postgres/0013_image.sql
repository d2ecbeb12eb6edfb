-- Installation images. The bytes are files, or lie elsewhere; the row says what was signed and who gets them.

CREATE TABLE image (
    image_id BYTEA NOT NULL PRIMARY KEY CHECK (length(image_id) = 16),
    supplier_id BYTEA NOT NULL CHECK (length(supplier_id) = 16),
    app_id TEXT NOT NULL,
    version TEXT NOT NULL,
    platform TEXT NOT NULL,
    length BIGINT NOT NULL CHECK (length > 0),
    manifest BYTEA NOT NULL,
    url TEXT,
    state TEXT NOT NULL CHECK (state IN ('uploading', 'published', 'withdrawn')),
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
CREATE INDEX image_of ON image (app_id, created);
