"""Instruments that show what happens over time, where `check` is one look. They judge nothing."""
