"""What members and admins can ask for by a slash. One file per command; `base.py` has the recipe."""
