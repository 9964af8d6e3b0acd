"""The models that were put before a shop, and what became of each."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, key, references


class Model(Base):
    """A model that was compared with the live one.

    state: live (the newest of its base words the replies), refused (it was worse: `scores` says where), retired (a
    newer one went live; it is live again when that is rolled back), rolled_back, forgotten (it learnt from the words of
    somebody who had themselves forgotten: it never comes back).
    """

    __tablename__ = "model"
    id: Mapped[int] = key()
    shop_id: Mapped[int] = references("shop.id", index=True)
    path: Mapped[str]  # the folder that holds it
    base: Mapped[str]  # the LLM_MODEL that it stands in for
    digest: Mapped[str]  # sha256 of its safetensors, in hexadecimal
    state: Mapped[str]
    scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]
