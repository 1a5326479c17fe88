-- The story of a case tells whom it told: its messages, to reporters and to desks, in order.
CREATE INDEX messages_case ON messages (case_id, seq);
