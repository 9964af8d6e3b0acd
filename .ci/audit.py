"""Looks up what is installed in the advisories of the package index, by pip-audit. A package that it skipped counts as
not audited.

Where the index can't be asked, as without a network or of a mirror, nothing is audited, and it says so: a build does
not fail for that.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS = 180.0


def installed() -> str:
    """The lock without its hashes, and what the Makefile installs beside it."""
    lock = re.findall(r"^[\w.-]+==\S+(?: ; [^\\\n]+)?", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    beside = re.findall(r"^\w+ := ([\w-]+==[\w.]+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    return "\n".join([*lock, *beside]) + "\n"


def asked(path: str) -> list[dict[str, object]] | str:
    """What the advisories say of each package; why they can't be asked."""
    audit = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    try:
        done = subprocess.run([*audit, "-r", path], capture_output=True, text=True, timeout=SECONDS)
        found: list[dict[str, object]] = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS:.0f} s"
    except (ValueError, KeyError):
        return (done.stderr.strip().splitlines() or ["no answer"])[-1]
    if all("skip_reason" in one for one in found):
        return str(found[0]["skip_reason"])
    return found


def main() -> int:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(installed())
        file.flush()
        found = asked(file.name)
    if isinstance(found, str):
        print(f"audit: NOT AUDITED, the advisories can't be asked: {found}")
        return 0
    wrong = [f"{one['name']}: not audited: {one['skip_reason']}" for one in found if "skip_reason" in one]
    wrong += [f"{one['name']} {one['version']}: {hole}" for one in found for hole in holes(one)]
    print("\n".join([*(f"audit: {line}" for line in wrong), f"audit: {len(found)} packages, {len(wrong)} to look at"]))
    return 1 if wrong else 0


def holes(package: dict[str, object]) -> list[str]:
    """Each known hole, and where it is mended."""
    known = package.get("vulns")
    return [f"{one['id']}, mended in {', '.join(one['fix_versions']) or 'no version yet'}" for one in known or ()]


if __name__ == "__main__":
    sys.exit(main())
