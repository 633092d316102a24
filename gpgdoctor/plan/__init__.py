"""From findings to steps, as values: what a cure would change, cost and refuse."""
