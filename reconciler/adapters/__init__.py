"""One module for each outside system. Each translates its client's records and errors, and decides nothing."""
