"""The project's own training dialogues: wordings by hand, and the code that varies them.

`replies.LANG.toml` holds what the bot may say per act, with slots; `questions.LANG.toml` what members say, with
placeholders; `words.LANG.toml` the invented shops that fill those. `vary.py` draws conversations from the three.
"""
