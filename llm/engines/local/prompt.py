"""A request as token ids. What members and merchants wrote is data: none of it becomes a special token."""

import re
from dataclasses import replace
from typing import Any

from jinja2 import TemplateError

from llm.engine import EngineError, Request, Turn
from llm.instructions import in_words
from llm.protocol import PLAN, SLOT, Plan, prompt

RECENT = 3  # turns that the starter is shown: it was trained on no more, and the plan holds what they decided
GO_AHEAD = "Go ahead."  # instruct models expect a user's turn last
ROLES = frozenset(
    {"assistant", "system", "user", "model", "tool", "developer", "note", "bot", "助手", "系统", "机器人"}
)
MEMBER = "member"  # is called who calls themselves after one of these: a name is no role
SAID = "Certainly."  # stands for a reply where only what follows one is looked for
# What a chat template writes around turns, though its tokenizer may know it as plain text only: Mistral's `[INST]`.
CONTROL = re.compile(r"<\|?[\w/]+\|?>|\[/?[A-Z_]+\]")


class Prompts:
    """Renders requests for one tokenizer.

    `starter`: it knows the marks of llm/protocol.py as tokens. Otherwise the plan is put in words, through the model's
    chat template or, where it has none (`plain`), as lines of text.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.starter = PLAN in tokenizer.get_vocab()
        self.plain = not self.starter and not tokenizer.chat_template
        written = CONTROL.findall(str(tokenizer.chat_template or ""))
        known = (*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens, *written)
        marks = {mark for mark in known if mark.strip()}
        starts = "|".join([SLOT.pattern, *map(re.escape, sorted(marks))])
        self._marks = re.compile(f"(?={starts}).", re.IGNORECASE | re.DOTALL)

    def ids(self, request: Request, room: int) -> list[int]:
        """At most `room` token ids: rows are dropped first, then the oldest turns, then the end of the last one.

        Raises EngineError if the plan alone is longer.
        """
        turns = [
            replace(one, name=named(self._data(one.name)), content=self._data(one.content)) for one in request.turns
        ]
        facts = tuple(replace(fact, value=self._data(fact.value)) for fact in request.plan.facts)
        plan = replace(request.plan, facts=facts, rows=tuple(self._data(row) for row in request.plan.rows))
        while len(ids := self._encode(turns, plan)) > room:
            if plan.rows:
                plan = replace(plan, rows=plan.rows[:-1])
            elif len(turns) > 1:
                turns = turns[1:]
            elif turns and turns[0].content:
                content = turns[0].content
                turns = [replace(turns[0], content=content[: len(content) // 2])]
            else:
                raise EngineError(f"the plan takes {len(ids)} tokens, but the model's context leaves room for {room}")
        return ids

    def _data(self, text: str) -> str:
        """One line in which every special token and slot is broken by a space after its first character."""
        return self._marks.sub(lambda found: f"{found[0]} ", " ".join(text.split()))

    def _encode(self, turns: list[Turn], plan: Plan) -> list[int]:
        if self.starter:
            text = starter_text(turns, plan)
        elif self.plain:
            text = plain_text(turns, plan)
        else:
            text = self._chat_text(turns, plan)
        ids: list[int] = self._tokenizer(text, add_special_tokens=self.plain)["input_ids"]
        return ids

    def _chat_text(self, turns: list[Turn], plan: Plan) -> str:
        messages = chat_messages(turns, plan)
        try:
            text = self._apply_template(messages)
        except TemplateError:  # some templates (Gemma's) refuse a system message
            text = ""
        if messages[0]["content"].strip() in text:
            return text
        return self._apply_template(without_system(messages))  # some leave it out without a word

    def turn_end(self) -> int | None:
        """The special token that the chat template ends a model's turn with: not all checkpoints call it their end."""
        if self.starter or self.plain:
            return None
        said = [{"role": "user", "content": GO_AHEAD}, {"role": "assistant", "content": SAID}]
        try:
            text = self._apply_template(said, reply=False)
        except TemplateError:
            return None
        special = {number for number, token in self._tokenizer.added_tokens_decoder.items() if token.special}
        ids = self._tokenizer(text.partition(SAID)[2], add_special_tokens=False)["input_ids"]
        return next((number for number in ids if number in special), None)

    def _apply_template(self, messages: list[dict[str, str]], *, reply: bool = True) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=reply, enable_thinking=False
            )
        )


def named(name: str) -> str:
    """A member's name, which can't be taken for who else speaks in a prompt."""
    return MEMBER if name.strip(" :：*#[]<>|").casefold() in ROLES else name.replace(":", " ").replace("：", " ")


def starter_text(turns: list[Turn], plan: Plan) -> str:
    """The starter's prompt. It was trained without system turns, so they are left out."""
    said = [turn for turn in turns if turn.role != "system"][-RECENT:]
    return prompt([((turn.name or "member") if turn.role == "user" else "", turn.content) for turn in said], plan)


def chat_messages(turns: list[Turn], plan: Plan) -> list[dict[str, str]]:
    """System message, then user and assistant by turns: neighbours of one role are joined, as templates demand it."""
    system = "\n".join([in_words(plan), *(turn.content for turn in turns if turn.role == "system")])
    messages = [{"role": "system", "content": system}]
    for turn in turns:
        if turn.role == "system":
            continue
        content = f"{turn.name}: {turn.content}" if turn.role == "user" and turn.name else turn.content
        if messages[-1]["role"] == turn.role:
            messages[-1]["content"] += f"\n{content}"
        else:
            messages.append({"role": turn.role, "content": content})
    if messages[-1]["role"] != "user":
        messages.append({"role": "user", "content": GO_AHEAD})
    return messages


def without_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same messages with the system's text at the head of the first user message."""
    system, *rest = messages
    if rest[0]["role"] != "user":
        rest.insert(0, {"role": "user", "content": GO_AHEAD})
    first = {"role": "user", "content": f"{system['content']}\n\n{rest[0]['content']}"}
    return [first, *rest[1:]]


def plain_text(turns: list[Turn], plan: Plan) -> str:
    """Lines of "Name: text" for a model that was never taught to chat; the reply is the next line."""
    speakers = {"assistant": "Assistant", "user": "Member", "system": "Note"}
    said = [f"{turn.name or speakers[turn.role]}: {turn.content}" for turn in turns]
    return "\n".join([in_words(plan), "", *said, "Assistant:"])
