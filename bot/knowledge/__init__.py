"""What the shop knows: its products and articles, how they get in, how they are found, what may be said of them.

By the front door come files: `importers.import_paths` reads, checks and stages them, and makes them current in one
short transaction (`storage.imports`). The other door is a question: retrieval finds rows, facts numbers their values.
"""
