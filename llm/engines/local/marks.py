"""The starter's tokenizer without transformers, whose import alone takes as long as the rest of a start."""

from tokenizers import Tokenizer

from llm.protocol import END


class Marks:
    """The starter's tokenizer, as far as prompts and generation ask for one of transformers."""

    chat_template = None
    eos_token = END

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._added = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()}
        self.eos_token_id = self._added.get(END)
        self.all_special_tokens = [
            token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special
        ]

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}

    def get_vocab(self) -> dict[str, int]:
        return dict(self._tokenizer.get_vocab())

    def get_added_vocab(self) -> dict[str, int]:
        return self._added

    def decode(self, tokens: list[int], *, skip_special_tokens: bool = False) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=skip_special_tokens))

    def batch_decode(self, rows: list[list[int]]) -> list[str]:
        return [str(text) for text in self._tokenizer.decode_batch(rows, skip_special_tokens=False)]
