"""Checks the Merkle log of a town. It shares no code with the program that writes it.

Read it in an hour: merkle (RFC 6962), notes (signed checkpoints), leaves (what an entry commits
to), bundle and dump (where entries come from), checking (what must hold), memory (what was seen
before), cli.
"""
