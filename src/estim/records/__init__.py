"""What happened: the hash-chained record of each session, its writer, index and reports."""
