"""What the lines of a record say: the one vocabulary of those who write records and of those who read them. Pure."""
