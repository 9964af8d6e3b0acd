"""What generates text. To add an engine:

1. Write `llm/engines/NAME.py` (or a folder) with a class that keeps to `Engine` of llm/engine.py: start, stream, close.
2. `stream` puts `Request.plan` before the model (`llm.protocol.prompt`, or `llm.instructions` for an instruct model)
   and yields pieces of its reply; facts come back as slots, closing the iterator cancels, failures are EngineErrors.
3. Name it in `bot/app.py` and its settings in `bot/config.py`.

There are local (weights in this process), openai (a server that speaks its API) and scripted (for tests).
"""
