"""Which unit to send: pure functions from a snapshot to a recommendation with its reasons."""
