"""The production store, and the embedded PostgreSQL it runs on by default."""
