"""What speaks for a product: one file per signal. `base.py` says how to add one."""
