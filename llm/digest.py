"""What a model is called: its folder's name, and the first digits of what its weights hash to."""

import hashlib
from pathlib import Path

SHORT = 8  # digits of a digest that tell models apart
WEIGHTS = "model*.safetensors"  # one file, or the numbered parts of a large model


def digest(folder: Path) -> str:
    """sha256 over the weights of a folder, in hexadecimal. Raises FileNotFoundError where it has none."""
    files = sorted(folder.glob(WEIGHTS))
    if not files:
        raise FileNotFoundError(f"{folder}: no {WEIGHTS}")
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while part := opened.read(1 << 20):
                whole.update(part)
    return whole.hexdigest()


def name_of(model: str, found: str = "") -> str:
    """`starter-1a2b3c4d` for a folder's weights with this digest; without one, the last part of the name."""
    name = model.rstrip("/").rsplit("/", 1)[-1]
    short = found[:SHORT]
    return name if not short or name.endswith(f"-{short}") else f"{name}-{short}"
