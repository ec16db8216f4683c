from __future__ import annotations

import os

import numpy as np

from cellwright.images.provenance import mark_of, read_mark
from cellwright.images.write import write_tiff


def test_a_mark_is_read_as_it_was_written_and_changes_with_file_and_plane(tmp_path):
    source, other = tmp_path / "a.czi", tmp_path / "b.czi"
    for path in (source, other):
        path.write_bytes(b"cells")
        os.utime(path, (1e9, 1e9))
    mark = mark_of(source, (1, "max"))
    write_tiff(tmp_path / "a.ome.tif", np.zeros((1, 4, 5), np.uint8), description=str(mark))
    assert read_mark(tmp_path / "a.ome.tif") == mark
    assert mark_of(source, (2, "max")).state != mark.state
    assert mark_of(other, (1, "max")).source != mark.source
    os.utime(source, (1e8, 1e8))
    changed = mark_of(source, (1, "max"))
    assert (changed.source, changed.state != mark.state) == (mark.source, True)


def test_what_bears_no_mark_has_none(tmp_path):
    write_tiff(tmp_path / "plain.tif", np.zeros((1, 4, 5), np.uint8))
    (tmp_path / "damaged.tif").write_bytes(b"II*\0\x08")
    assert read_mark(tmp_path / "plain.tif") is None
    assert read_mark(tmp_path / "damaged.tif") is None
