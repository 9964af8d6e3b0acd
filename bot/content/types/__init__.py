"""What can be posted: one file per content type. `bot/content/base.py` says how to add one."""
