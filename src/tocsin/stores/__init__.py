"""Where the board and the journal live: PostgreSQL, and memory as the reference."""
