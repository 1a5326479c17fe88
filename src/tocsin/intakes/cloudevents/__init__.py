"""Alarms of other systems as CloudEvents over HTTP."""
