"""A town in which every operation of the API can be carried out, for whoever asks it anything."""
