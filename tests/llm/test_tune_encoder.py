"""The multilingual encoder learns how members ask, and what it learnt is loaded with it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from llm import encoder_e5, tune_encoder

SAID = [
    ("product", "Kite Jumper", ["It is knitted from wool and itches a little.", "Wash it by hand in cold water."]),
    ("article", "Vouchers", ["Gift vouchers are valid for five years.", "They can be sent by email."]),
]
ASKED = [("found one down the back of the couch from 2023, dead?", 1, 0), ("my nan has sensitive arms", 0, 0)]


def written(folder: Path, asked: list[tuple[str, int, int]]) -> Path:
    rows = [{"kind": kind, "title": title, "sentences": said} for kind, title, said in SAID]
    path = folder / "shop.json"
    held = {"name": "shop", "lang": "en", "rows": rows, "asked": asked}
    path.write_text(json.dumps(held), "utf-8")
    return path


def test_a_question_without_its_sentence_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"shop\.json: asked, question 2: no sentence 7 in row 1; count both from 0"):
        tune_encoder.read(written(tmp_path, [ASKED[0], ("and by post", 1, 7)]))


def test_a_folder_without_a_shop_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no shop in it; \*\.json such as those of"):
        tune_encoder.read_all(tmp_path)


def test_every_written_shop_can_be_read() -> None:
    shops = tune_encoder.read_all(tune_encoder.ASKED)
    assert sum(len(shop.asked) for shop in shops) >= 2_000


def test_what_is_learnt_is_loaded_with_the_network(tmp_path: Path) -> None:
    shop = tune_encoder.read(written(tmp_path, ASKED))
    tuner = tune_encoder.Tuner(encoder_e5.network(), torch.from_numpy(np.load(encoder_e5.MEANS)))

    def near() -> float:
        with torch.no_grad():
            asked, said = tuner.vectors([ASKED[0][0]], asked=True), tuner.vectors([SAID[1][2][0]], asked=False)
        return float((asked @ said.T).item())

    before = near()
    tune_encoder.tune(tuner, [shop], epochs=8)
    assert near() > before
    learnt = tune_encoder.differences(tuner.net, tuner.upper, rank=384, kept=1.0)
    save_file(learnt, tmp_path / "tuned.safetensors")
    with torch.no_grad():
        own = tuner.vectors([ASKED[0][0]], asked=True).numpy()
    loaded = encoder_e5.E5(encoder_e5.installed(), taught=tmp_path / "tuned.safetensors")
    assert (loaded.encode_now([ASKED[0][0]], asked=True) * own).sum() > 0.999
