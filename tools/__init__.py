"""Tools of the project's makers; nothing of it is installed."""
