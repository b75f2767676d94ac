"""Protocol files: schema, loader, the setup of a session, compilation into a schedule."""
