-- A list of all cases, closed ones included, in the order of what is due: with the ranges of the
-- open ones (cases_open_due) a page is read and not the table.
CREATE INDEX cases_closed_due ON cases (due_at, id) WHERE NOT is_open;
