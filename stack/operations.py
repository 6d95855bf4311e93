"""The operator's page: its commands that need no value of the operator's run as they stand, in their order."""

import re
import textwrap

from .machine import ROOT, Failed
from .site import expect

ENGLISH, CHINESE = (ROOT / "docs" / name for name in ("operations.md", "operations.zh-hans.md"))
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"\s+# .*")


def blocks(page):
    """The scripts of a page, without comments."""
    return [COMMENT.sub("", textwrap.dedent(block)).strip() for block in BLOCK.findall(page.read_text())]


def commands_of_the_page(site):
    scripts = blocks(ENGLISH)
    expect("the commands of the Chinese page", [script.replace(" --language en", "") for script in scripts],
           [script.replace(" --language en", "") for script in blocks(CHINESE)])  # fmt: skip
    # The page has no word about how these came to the machine: they are an operator's choice.
    site.machine.run("DEBIAN_FRONTEND=noninteractive apt-get -q -y install redis-server", seconds=300)
    for script in scripts:
        status, output = site.machine.attempt(f"set -e\n{script}", seconds=300)
        if status:
            raise Failed(f"{script}: status {status}\n{output[-1500:]}")
    return f"{sum(len(script.splitlines()) for script in scripts)} commands"


def doctor_is_content(site):
    status, output = site.machine.attempt("scoring doctor --language en", seconds=60)
    remarks = [line for line in output.splitlines() if not line.startswith(("ok ", "skipped "))]
    expect("what doctor says", (0, []), (status, remarks[:10]))
    return f"{len(output.splitlines())} lines"
