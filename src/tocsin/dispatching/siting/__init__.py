"""Where stations should stand: four classical questions, solved exactly on the town's own roads."""
