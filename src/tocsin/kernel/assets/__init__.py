"""Assets: devices and facilities that are looked after, and how one hears that they live."""
