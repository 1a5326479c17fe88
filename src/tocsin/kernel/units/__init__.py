"""Units: what is sent to a case. One unit is on one case, unless a stacking is recorded."""
