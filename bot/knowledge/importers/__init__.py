"""Files of a merchant become rows of the shop. One module per format; `base.py` opens with how to add one."""

from bot.knowledge.importers._importing import Report, import_paths
from bot.knowledge.importers.base import BadImport, Problem

__all__ = ["BadImport", "Problem", "Report", "import_paths"]
