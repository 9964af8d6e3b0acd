"""What generates text: local (weights in this process) and scripted (tests). All keep to llm/engine.py."""
