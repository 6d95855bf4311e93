import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from ..helpers.environment import KEY


@pytest.fixture
def run_python(tmp_path):
    """Run Python with arguments and a `.env` of the given lines: (exit code, last line, file)."""

    def run(*arguments, lines=(KEY,), **environment):
        env_file = tmp_path / ".env"
        env_file.write_text("\n".join(lines) + "\n")
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=settings.BASE_DIR,
            env={"PATH": os.environ["PATH"], "ENV_FILE": str(env_file), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, (done.stdout or done.stderr).strip().splitlines()[-1], env_file

    return run


@pytest.fixture
def read_settings(run_python):
    """Settings by name, with a `.env` of the given lines."""

    def read(*names, **options):
        code = (
            f"import json, scoring_site.settings as s; print(json.dumps([getattr(s, n) for n in {names}], default=str))"
        )
        status, out, _ = run_python("-c", code, **options)
        assert status == 0, out
        return json.loads(out)

    return read
