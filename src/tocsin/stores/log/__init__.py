"""The Merkle log without a database: hashes in files, proofs, commitments of rows, signed notes."""
