"""Looks up what is installed in the advisories of PyPI, by pip-audit. A package that it skipped counts as not audited.

Without the service nothing is audited, and it says so: a build without a network does not fail for it.
"""

import json
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVICE = "https://pypi.org/pypi/pip/23.2.1/json"  # as pip-audit asks for each package; mirrors answer to none
SECONDS = 8.0


def reachable() -> str:
    """Why the service can't be asked; '' where it can."""
    try:
        with urllib.request.urlopen(SERVICE, timeout=SECONDS) as answer:  # nosec B310: an address of our own
            return "" if "vulnerabilities" in json.load(answer) else "it knows no advisories"
    except (OSError, ValueError, urllib.error.URLError) as error:
        return str(error)


def installed() -> str:
    """The lock without its hashes, and what the Makefile installs beside it."""
    lock = re.findall(r"^[\w.-]+==\S+(?: ; [^\\\n]+)?", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    beside = re.findall(r"^\w+ := ([\w-]+==[\w.]+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    return "\n".join([*lock, *beside]) + "\n"


def main() -> int:
    if why := reachable():
        print(f"audit: NOT AUDITED, the advisory service can't be asked ({why})")
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(installed())
        file.flush()
        audit = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        done = subprocess.run([*audit, "--format", "json", "-r", file.name], capture_output=True, text=True)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"audit: failed\n{done.stderr}")
        return 1
    wrong = [f"{one['name']}: not audited: {one['skip_reason']}" for one in found if "skip_reason" in one]
    for one in found:
        for hole in one.get("vulns", ()):
            right = ", ".join(hole["fix_versions"]) or "no version yet"
            wrong.append(f"{one['name']} {one['version']}: {hole['id']}, mended in {right}")
    print("\n".join([*(f"audit: {line}" for line in wrong), f"audit: {len(found)} packages, {len(wrong)} to look at"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
