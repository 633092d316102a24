"""A cure that is shown, tried, applied, verified, and can be undone."""
