"""The language model's whole life: data, tokenizer, training, evaluation, and the engines that serve it.

`engine.py` is what every engine offers, `protocol.py` what is put before a model. Knows nothing of chats or SQL.
"""
