"""Where the chat networks are. `base.py` says what a platform is; each other file or folder here is one of them.

In by `Platform.run`, which hands every event to `receive` (the intake) as a `Message`; out by `send`, `edit` and `act`
(the outbox and the router call them through the app). `ask` says who is an admin. Nothing here decides what is said.
"""
