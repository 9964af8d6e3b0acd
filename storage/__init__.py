"""Everything that is kept. All SQL is in here: tables/ says what, a file per noun says how it is asked for.

Query functions take the open transaction first and never commit: the edge does (`Database.write`, `Database.read`).
"""
