"""The handbook: pages made from the code, and `estim help TOPIC`, which shows the same text in the terminal."""
