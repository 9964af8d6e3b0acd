"""One file per rule; see base.py."""
