-- A photo waits for a person before the public sees it (ADR 0027): whoever releases it must look. Its
-- word is a row of vault.redactions whose text is the photo; its value, where it is released, is the
-- photo itself, for nobody redraws one.
UPDATE vault.purposes SET kinds = '{description,media,redacted}' WHERE code = 'redaction';
