"""Files that a spec brings: of its own folder, no others by any way, and only those that it names are published."""

import os
import shutil

import pytest
from helpers import files

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.errors import SynthgenError
from synthgen.publish.hub.staging import stage
from synthgen.spec.spec import load_spec
from synthgen.tasks.bios.world.lists import path_of

GRAMMAR = 'root = "S"\n[rules]\nS = [["a", "b"], ["c"]]\n'
SECRET = "hf_SECRET"


@pytest.fixture
def specs(tmp_path):
    """A folder with a spec of a grammar and one of lists, beside a secret that is nobody's asset."""
    (tmp_path / "token").write_text(SECRET)
    folder = tmp_path / "specs"
    (folder / "lists").mkdir(parents=True)
    (folder / "g.toml").write_text(GRAMMAR)
    (folder / "strings.toml").write_text(
        'task = "cfg"\nrow_format = "document"\n[params]\ngrammar = "g.toml"\n[splits.train]\nrows = 20\n'
    )
    (folder / "people.toml").write_text('task = "bios"\n[params]\npeople = 5\nlists = "lists"\n[splits.train]\n')
    shutil.copy(path_of(None, "majors.txt"), folder / "lists")
    return folder


def test_a_link_out_of_the_folder_is_refused(specs, tmp_path):
    """Git keeps links: somebody's spec must not publish what only its reader can read."""
    for link, spec in ((specs / "lists/first_names.txt", "people"), (specs / "g.toml", "strings")):
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / "token")
        with pytest.raises(SynthgenError, match="copy the file there") as told:
            synthgen.generate(specs / f"{spec}.toml", tmp_path / "out")
        assert f"{link} is a link to {tmp_path / 'token'}" in str(told.value)
        assert SECRET not in str(told.value)
        assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_link_out_is_refused(specs, tmp_path):
    shutil.move(specs / "lists", tmp_path / "elsewhere")
    (specs / "lists").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SynthgenError, match=r"lists is a link to .*elsewhere, outside"):
        load_spec(specs / "people.toml")
    (specs / "lists").unlink()
    (specs / "lists").mkdir()
    (specs / "lists/more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SynthgenError, match=r"lists/more is a link to .*elsewhere, outside"):
        load_spec(specs / "people.toml")


def test_a_link_within_the_folder_is_followed(specs, tmp_path):
    (specs / "g.toml").rename(specs / "kept.toml")
    (specs / "g.toml").symlink_to("kept.toml")
    synthgen.generate(specs / "strings.toml", tmp_path / "out")
    assert not (tmp_path / "out/assets/g.toml").is_symlink()
    assert (tmp_path / "out/assets/g.toml").read_text() == GRAMMAR
    (tmp_path / "way").symlink_to(specs)
    assert load_spec(tmp_path / "way/strings.toml").content_id == load_spec(specs / "strings.toml").content_id


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to(path.name)]
)
def test_what_is_no_file_is_refused_at_once(specs, make):
    for place, spec in ((specs / "g.toml", "strings"), (specs / "lists/universities.txt", "people")):
        place.unlink(missing_ok=True)
        make(place)
        with pytest.raises(SynthgenError, match=r"a pipe, a device or a dead link|no such file"):
            load_spec(specs / f"{spec}.toml")


def test_only_what_the_spec_names_is_published(specs, tmp_path):
    out = tmp_path / "out"
    synthgen.generate(specs / "strings.toml", out)
    (out / "assets/notes.txt").write_text(SECRET)
    (out / "assets/link").symlink_to(tmp_path / "token")
    (out / "pictures").mkdir()
    (out / "pictures/mine.png").write_text(SECRET)
    found = [finding for finding in check_folder(out) if not finding.ok]
    assert [(finding.check, finding.detail) for finding in found] == [
        ("no other file", "assets/link, assets/notes.txt")
    ]
    for container in ("parquet", "arrow"):
        staged = stage(out, "default", container, "org/name", "v1", "cc0-1.0", False, None)
        assert "notes.txt" not in str(files(staged.folder))
        paths = {file.path for file in staged.other_files()}
        assert paths == {"README.md", "assets/g.toml", "croissant.json", "manifest.json", "spec.toml"}
        assert all(SECRET.encode() not in file.source.read_bytes() for file in staged.other_files())


def test_a_folder_behind_a_link_among_the_shards_is_seen(specs, tmp_path):
    out = tmp_path / "out"
    synthgen.generate(specs / "strings.toml", out)
    (tmp_path / "more").mkdir()
    (tmp_path / "more/train-extra.arrow").write_bytes(b"rows")
    (out / "data/more").symlink_to(tmp_path / "more")
    os.mkfifo(out / "data/pipe")
    found = [finding for finding in check_folder(out) if not finding.ok]
    assert [(finding.check, finding.detail) for finding in found] == [("no other file", "data/more, data/pipe")]
