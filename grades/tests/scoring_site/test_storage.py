"""scoring_site/storage.py: the static files of several releases in one folder."""

from scoring_site.storage import StaticFilesStorage


def test_a_rollback_finds_its_own_static_files_again(settings, tmp_path):
    for version in ("1", "2"):
        settings.VERSION = version
        collected = StaticFilesStorage(location=tmp_path)
        collected.hashed_files = {"css/site.css": f"css/site.{version}.css"}
        collected.save_manifest()
    settings.VERSION = "1"
    assert StaticFilesStorage(location=tmp_path).hashed_files == {"css/site.css": "css/site.1.css"}
