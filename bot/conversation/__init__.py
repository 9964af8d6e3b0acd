"""Answering members. The router comes in by `gate` (speak or stay silent) and `answer` (what, and in which words)."""
