"""What happens over time, shown while it happens."""
