"""Alarm panels that speak SIA DC-09 (ADM-CID, SIA-DCS, NULL), over TCP and UDP."""
