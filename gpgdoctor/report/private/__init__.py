"""What is private, by the form it has in text, and what is put in its place. redact.py knows where to look for it."""
