"""Answering members. The router comes in by `gate` (speak or stay silent), `answer` (what, and in which words) and
`handoff` (call a human, and keep out of their way);
the scheduler comes in by `corrections` (of what was said and is no longer so).
"""
