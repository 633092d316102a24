"""A diagnosis without anything private."""
