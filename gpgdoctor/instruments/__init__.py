"""What happens over time, where `check` is one look: instruments that show it and judge nothing."""
