"""Wire formats of ScienceMode2 and ScienceMode3/4, from the device's side."""
