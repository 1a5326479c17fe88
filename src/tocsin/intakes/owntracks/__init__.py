"""Positions of duty units as OwnTracks sends them, JSON over HTTP."""
