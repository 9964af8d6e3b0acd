"""Keeping a group clean, where an admin switched it on: what counts, what comes of it, and doing it on the platform.

`rules.py` says what is wrong with a message, `watch.py` decides what comes of it and writes that down in the message's
own transaction, `acting.py` does it afterwards, `report.py` says what was done and what would have been. The router
comes in by `Moderation.handle`, admins by `/moderation`, `/ban` and `/unban`, members by `/appeal`.
"""
