"""Past sessions as tables and timelines for other programs: Parquet, XDF, BIDS."""
