"""A folder is the registry: what stands in it is what the bot has. The app holds it; no module keeps a list."""

import importlib
import pkgutil
from types import ModuleType


def load(package: ModuleType) -> list[ModuleType]:
    """Every module of the folder, by name, without `base` and those that begin with an underscore."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return [
        importlib.import_module(f"{package.__name__}.{name}")
        for name in names
        if name != "base" and not name.startswith("_")
    ]
