"""deploy/programs and deploy/run-program: one list for both process managers."""

import os
import re
import shutil
import subprocess

import pytest
from django.conf import settings

from grades.replies import SCORE_PATH
from scoring_site.env import SETTINGS

DEPLOY = settings.BASE_DIR / "deploy"
LINES = [line for line in (DEPLOY / "programs").read_text().splitlines() if line and not line.startswith("#")]
NGINX = (DEPLOY / "templates" / "nginx.conf").read_text()


@pytest.fixture
def release(tmp_path):
    """A release with one program, which prints its folder and a setting; `current` is a link to it."""
    release = tmp_path / "releases" / "1"
    (release / "deploy").mkdir(parents=True)
    shutil.copy(DEPLOY / "run-program", release / "deploy")
    command = release / "show"
    command.write_text('#!/bin/sh\necho "$(pwd -P) $SCORE_PORT $1"\n')
    command.chmod(0o755)
    (release / "deploy" / "programs").write_text("# a comment\nscore-a 18101 SCORE_PORT=18101 -- ./show --option\n")
    (tmp_path / "current").symlink_to("releases/1")
    return tmp_path


def run_program(folder, *names):
    command = [folder / "current" / "deploy" / "run-program", *names]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    return done.returncode, done.stdout, done.stderr


def test_a_program_runs_in_its_release_with_its_settings(release):
    assert run_program(release, "score-a") == (0, f"{release}/releases/1 18101 --option\n", "")


def test_an_unknown_program_is_refused_by_name(release):
    assert run_program(release, "score") == (2, "", "deploy/programs has no program score\n")


def test_each_program_has_known_settings_and_a_port_of_its_own():
    known = {setting.name for setting in SETTINGS}
    ports = []
    for line in LINES:
        name, port, *words = line.split()
        pairs = dict(word.split("=") for word in words[: words.index("--")])
        assert pairs.keys() <= known
        assert port in (pairs.get("SCORE_PORT", pairs.get("PORT")), "-")
        ports += [] if port == "-" else [int(port)]
        assert re.fullmatch("[a-z]+(-[ab])?", name)
    # Outgoing connections take ports from 32768 on.
    assert len(ports) == len(set(ports)) == 4
    assert max(ports) < 32768


@pytest.mark.parametrize(
    "path",
    ["/score", "/score/", "/score;x", "/score/x", "/score/form", "/score/form/", "/score/code", "/score-x", "/scores"],
)
def test_nginx_knows_the_addresses_of_a_rating_as_the_site_does(path):
    patterns = set(re.findall(r"location ~ (\^/score\S*) {", NGINX))
    assert len(patterns) == 1
    assert bool(re.search(patterns.pop(), path)) == bool(SCORE_PATH.match(path))
