-- Who made a device, where its user or the shop that sold it has said so (B1).

ALTER TABLE device_name ADD COLUMN maker TEXT;
