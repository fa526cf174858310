"""Staging: what a push has prepared is believed only while it is there."""

import synthgen
from synthgen.dataset.manifest import Manifest
from synthgen.publish.hub.staging import stage


def test_staged_shards_that_were_lost_or_cut_are_made_again(tmp_path):
    synthgen.generate("copy-tiny", tmp_path / "data", splits=["test"], rows=60, shards=2)

    def staged():
        folder = stage(tmp_path / "data", "default", "parquet", "org/name", "v1", "cc0-1.0", False, None).folder
        return {path.name: path.read_bytes() for path in (folder / "data").iterdir()}, folder

    whole, folder = staged()
    first, second = (folder / shard.path for shard in Manifest.read(folder).shards)
    first.unlink()
    second.write_bytes(second.read_bytes()[:50])
    assert staged()[0] == whole
    (folder / "manifest.json").unlink()
    assert staged()[0] == whole
