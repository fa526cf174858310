"""Files that specs bring along: what was read is known by contents, so that an edited file is another file."""

import os
import re
import shutil

import pytest

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.errors import SynthgenError
from synthgen.task.assets import cached_by_contents
from synthgen.tasks.bios.world.lists import OWN
from synthgen.tasks.igsm.worlds import OWN as WORLDS

BIOS = 'task = "bios"\n[params]\npeople = 50\nlists = "lists"\n[splits.train]\n'
QUESTIONS = (
    'task = "qa"\n[params]\npeople = 50\nlists = "lists"\nforms = ["retrieve.year"]\n[splits.train]\nrows = 50\n'
)
TOKENS = 'task = "bios"\ntokenizer = "tokens.json"\n[params]\npeople = 50\n[splits.train]\n'


@pytest.fixture
def write(tmp_path):
    """Write a file of the spec's folder, as if no time had passed."""

    def _write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(10**18, 10**18))
        return path

    return _write


def test_edited_lists_give_other_rows_in_one_process(write):
    spec, file = write("s.toml", BIOS), "lists/first_names.txt"
    write(file, "Alpha\nDelta\n")
    first = synthgen.load(spec)
    rows = first.batch(0, 50)
    write(file, "Gamma\nKappa\n")
    second = synthgen.load(spec)
    assert first.spec.content_id != second.spec.content_id
    texts = " ".join(second.batch(0, 50).column("text").to_pylist())
    assert "Gamma" in texts and "Alpha" not in texts
    write(file, "Alpha\nDelta\n")
    third = synthgen.load(spec)
    assert third.batch(0, 50).equals(rows)
    assert third.spec.content_id == first.spec.content_id


def test_edited_wordings_give_other_questions(write):
    spec, file = write("s.toml", QUESTIONS), "lists/questions.toml"
    write(file, '[retrieve]\nyear = ["When was {A} born?"]\n')
    first = synthgen.load(spec)
    assert first.row(0)["prompt"].startswith("When was ")
    write(file, '[retrieve]\nyear = ["Year of {A} now?"]\n')
    second = synthgen.load(spec)
    assert second.row(0)["prompt"].startswith("Year of ")
    assert first.spec.content_id != second.spec.content_id


def test_an_edited_tokenizer_gives_other_tokens(write, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    spec, before = write("s.toml", TOKENS), None
    for merges in ([], [("a", "n")]):
        alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
        vocab = {token: number for number, token in enumerate([*alphabet, "<|endoftext|>", "an"])}
        backend = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, merges))
        backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = tokenizers.decoders.ByteLevel()
        backend.add_special_tokens(["<|endoftext|>"])
        write("tokens.json", backend.to_str())
        source = synthgen.load(spec)
        ids = source.row(0)["input_ids"]
        assert ids != before
        assert source.verify(source.row(0)).correct
        before = ids


IGSM = 'task = "igsm"\n[params]\nworld = "FILE"\nsizes = { chains = 1 }\nop = 2\nsampler = "open"\n'
GRAMMAR = 'root = "S"\n[rules]\nS = [["OLD"]]\n'
WORLD = (WORLDS / "boxes.txt").read_text()


@pytest.mark.parametrize(
    "spec, old, new",
    [
        (IGSM, WORLD, re.sub(r"\b(Room|Box|Cellar|Loft|Pantry|Garage|Shed)\b", r"\1er", WORLD)),
        ('task = "cfg"\nrow_format = "document"\n[params]\ngrammar = "FILE"\n', GRAMMAR, GRAMMAR.replace("OLD", "new")),
    ],
    ids=["world", "grammar"],
)
def test_rows_are_of_the_edited_file_and_a_task_keeps_what_it_was_made_with(write, spec, old, new):
    path = write("s.toml", spec.replace("FILE", "file.toml"))
    write("file.toml", old)
    first, held = synthgen.load(path), synthgen.load(path)
    held.task()
    row = first.row(0)
    write("file.toml", new)
    second = synthgen.load(path)
    assert second.row(0) != row
    assert second.spec.content_id != first.spec.content_id
    assert held.row(0) == row, "a task that was made before the edit reads nothing of the new file"


def test_a_bad_world_is_refused_when_the_spec_is_read(write):
    write("file.txt", WORLD.replace("Amber Cellar", "Amber Cellar 2"))
    with pytest.raises(SynthgenError, match="'Amber Cellar 2': a name is capitalised words without digits"):
        synthgen.load(write("s.toml", IGSM.replace("FILE", "file.txt")))


def test_rows_never_stand_under_the_content_id_of_another_file(write, tmp_path):
    """A spec that was read before the edit makes no further task: its id is of the old list."""
    spec, file = write("s.toml", BIOS), "lists/first_names.txt"
    write(file, "Alpha\nDelta\n")
    source = synthgen.load(spec)
    row = source.row(0)
    write(file, "Gamma\nKappa\n")
    assert source.row(0) == row, "what was read stays"
    with pytest.raises(SynthgenError, match=r"lists \(lists\) was edited after the spec was read: load it again"):
        source.row(0, split="test")
    (tmp_path / "lists" / "first_names.txt").unlink()
    with pytest.raises(SynthgenError, match="was edited"):
        source.row(0, split="test")


def test_lists_edited_during_a_build_leave_no_dataset(write, tmp_path):
    spec, file = write("s.toml", BIOS), "lists/first_names.txt"
    write(file, "Alpha\nDelta\n")
    with pytest.raises(SynthgenError, match="was edited after the spec was read"):
        synthgen.generate(spec, tmp_path / "data", on_plan=lambda plan, rows: write(file, "Gamma\nKappa\n"))
    assert not (tmp_path / "data" / "manifest.json").exists()
    write(file, "Alpha\nDelta\n")
    synthgen.generate(spec, tmp_path / "data")
    assert all(finding.ok for finding in check_folder(tmp_path / "data"))


def test_a_cache_by_contents_reads_once_and_again_after_a_change(tmp_path):
    reads = []

    @cached_by_contents(2)
    def read(path, more=""):
        reads.append((path, more))
        return [file.read_text() for file in sorted(path.iterdir())] if path else None

    (tmp_path / "a").write_text("one")
    assert read(tmp_path) == read(tmp_path) == ["one"]
    (tmp_path / "b").write_text("two")
    assert read(tmp_path) == ["one", "two"]
    assert read(tmp_path, more="x") and read(None) is None and read(None) is None
    (tmp_path / "a").unlink()
    assert read(tmp_path) == ["two"]
    assert reads == [(tmp_path, ""), (tmp_path, ""), (tmp_path, "x"), (None, ""), (tmp_path, "")]


def test_what_was_lost_beside_the_shards_is_written_again(write, tmp_path):
    """A manifest and its shards are not all of a dataset: the spec and its assets are made anew as well."""
    spec, folder = write("s.toml", BIOS), tmp_path / "data"
    shutil.copytree(OWN, tmp_path / "lists")
    synthgen.generate(spec, folder)
    whole = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "spec.toml").unlink()
    (folder / "README.md").write_text("a card of the user's")
    shutil.rmtree(folder / "assets")
    synthgen.generate(spec, folder)
    whole[folder / "README.md"] = b"a card of the user's"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == whole
    assert all(finding.ok for finding in check_folder(folder))
