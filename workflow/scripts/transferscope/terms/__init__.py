"""What each paper calls what it compares: the names that runs, measurements, tables, claims and figures share."""
