"""Teaching the Chinese encoder, on a handful of texts and with a teacher of random places."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llm import parallel, teach
from llm.data import RecipeError
from llm.encoder_zh import ChineseEncoder, ngrams

RECIPE: dict[str, Any] = {
    "seed": 1, "steps": 60, "rate": 0.02, "warmup": 5, "floor": 0.1, "left_out": 0.2,
    "heat": 0.1, "contrast": 0.3, "topic_heat": 0.1, "topics": 0.3, "topic_near": 0.1,
    "model": {"longest": 2, "ngrams": 300, "width": 16, "hidden": 16},
    "batch": {"own": 16, "pairs": 4, "words": 4, "topics": 4},
    "held_out": {"every": 10, "groups": ["auto"], "topics": ["hours"]},
    "data": {"pairs": "pairs.jsonl", "seen": ["pairs.jsonl"]},
}  # fmt: skip
CEDICT = """# a comment
退貨 退货 [tui4 huo4] /to return merchandise/CL:個|个[ge4]/
王 王 [Wang2] /surname Wang/
王 王 [wang2] /king or monarch/best or strongest of its type/
運費 运费 [yun4 fei4] /freight fee (of a parcel)/
鯤 鲲 [kun1] /fry/
"""


def places(texts: Sequence[str]) -> np.ndarray:
    """A unit vector for each text, always the same."""
    made = np.stack([np.random.default_rng(zlib.crc32(text.encode())).normal(size=24) for text in texts])
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def lesson(tmp_path: Path) -> teach.Lesson:
    pairs = [{"zh": f"第{sign}句话", "en": f"sentence {sign}"} for sign in "甲乙丙丁戊己庚辛壬癸"]
    (tmp_path / "pairs.jsonl").write_text("\n".join(json.dumps(one) for one in pairs), "utf-8")
    (tmp_path / "cedict.txt").write_text(CEDICT, "utf-8")
    (tmp_path / "zh.toml").write_text('hours = ["# 营业时间", "几点开门"]\nreturns = ["能退货吗", "退货运费"]', "utf-8")
    (tmp_path / "en.toml").write_text('hours = ["# Hours"]\nreturns = ["returns?"]', "utf-8")
    return teach.read_lesson(RECIPE, tmp_path, tmp_path / "cedict.txt", tmp_path, places)  # type: ignore[arg-type]


def test_what_is_held_out_is_not_learnt(lesson: teach.Lesson) -> None:
    own = lesson.parts["own"]
    assert not {*own.same} & {*lesson.held["own"].same}
    assert lesson.held["pairs"].texts == ["第癸句话"]
    assert lesson.held["topics"].texts == ["营业时间", "几点开门"]
    assert len(lesson.topics) == 1


def test_what_is_taken_of_the_dictionary(lesson: teach.Lesson) -> None:
    taken = dict(zip(lesson.parts["words"].texts, lesson.parts["words"].same, strict=True))
    assert taken["退货"] == "to return merchandise"
    assert taken["运费"] == "freight fee"
    assert "鲲" not in taken  # nobody says it
    assert "surname" not in taken.get("王", "")
    assert "退貨".translate(lesson.fold) == "退货"


def test_the_same_recipe_makes_the_same_weights_and_numpy_reads_them_alike(
    lesson: teach.Lesson, tmp_path: Path
) -> None:
    import torch

    students = [teach.taught(RECIPE, lesson) for _ in range(2)]
    assert torch.equal(students[0].vectors, students[1].vectors)
    student = students[0]
    student.save(tmp_path / "made", 2, lesson.fold)
    row = {one: at for at, one in enumerate(student.rows)}
    texts = ["運費要多少", "这件能退货吗"]
    bags = [np.array([row[one] for one in ngrams(text, 2, lesson.fold) if one in row]) for text in texts]
    with torch.inference_mode():
        wanted = student(bags).numpy()
    assert np.allclose(ChineseEncoder(tmp_path / "made").encode_now(texts), wanted, atol=5e-3)
    assert "own, " in teach.measured(ChineseEncoder(tmp_path / "made"), lesson)


def test_the_teacher_is_asked_once_for_a_text(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.eye(2, dtype=np.float16))
    (tmp_path / "texts.json").write_text('["one", "two"]', "utf-8")
    assert teach.Teacher(tmp_path)(["two", "one"]).tolist() == [[0, 1], [1, 0]]


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "parallel.tsv").write_text("退货\treturns\tpolicy\n没有英文\n", "utf-8")
    with pytest.raises(RecipeError, match=r"parallel.tsv:2: not Chinese, English and group"):
        parallel.own_pairs(RECIPE["held_out"], tmp_path / "parallel.tsv")
    with pytest.raises(RecipeError, match="No such file"):
        parallel.public_pairs(tmp_path / "missing.jsonl", 10)
