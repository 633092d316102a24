"""A cure that is shown, tried, applied, proved, and can be taken back."""
