"""Labels as Cellpose and QuPath keep them, and what is refused of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cellwright.data.formats import cellpose, geojson, read_labelled
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.write import write_labels, write_png

SIZE = (20, 30)


def an_image(path):
    write_png(path, np.zeros((1, *SIZE), np.uint8))


def a_feature(rings, *, name="cell", kind="Polygon"):
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": rings},
        "properties": {"objectType": "annotation", "classification": {"name": name}},
    }


def square(x, y, edge):
    return [[x, y], [x + edge, y], [x + edge, y + edge], [x, y + edge], [x, y]]


def window_saves(path, masks):
    """As ``cellpose.io.masks_flows_to_seg`` does, which the window calls too."""
    flows = [np.zeros((*SIZE, 3), np.uint8), np.zeros((2, *SIZE), np.float32), [], [30, 1, None]]
    saved = {
        "outlines": np.zeros(SIZE, np.uint16),
        "masks": masks,
        "chan_choose": [0, 0],
        "ismanual": np.zeros(2, bool),
        "filename": "a.png",
        "flows": flows,
        "diameter": np.float32(17.2),
        "model_path": path.parent,
    }
    np.save(path, saved, allow_pickle=True)


def qupath(root, content, *, stem="a"):
    an_image(root / "images" / f"{stem}.png")
    (root / "geojson").mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "geojson" / f"{stem}.geojson").write_text(text)
    return root


class TestGeoJSON:
    def test_polygons_are_filled_to_pixel_edges(self, tmp_path):
        with_hole = [square(2, 3, 6), square(4, 5, 2)]
        features = [a_feature(with_hole, name="big"), a_feature([square(20, 10, 4)], name="ant")]
        labelled = read_labelled(
            qupath(tmp_path, {"type": "FeatureCollection", "features": features})
        )
        assert labelled.classes == ("ant", "big")
        found = labelled.records[0].load_annotation()
        expected = np.zeros(SIZE, int)
        expected[3:9, 2:8] = 1
        expected[5:7, 4:6] = 0
        expected[10:14, 20:24] = 2
        assert np.array_equal(found.labels, expected)
        assert found.class_ids.tolist() == [1, 0]

    def test_a_plain_list_objects_without_class_and_several_parts(self, tmp_path):
        parts = [[square(0, 0, 3)], [square(10, 10, 3)]]
        feature = a_feature(parts, kind="MultiPolygon")
        del feature["properties"]
        labelled = read_labelled(qupath(tmp_path, [feature]))
        assert labelled.classes == ("object",)
        assert labelled.records[0].load_annotation().labels.sum() == 18

    def test_the_first_of_two_that_overlap_wins(self, tmp_path):
        features = [a_feature([square(0, 0, 6)]), a_feature([square(3, 0, 6)])]
        labels = read_labelled(qupath(tmp_path, features)).records[0].load_annotation().labels
        assert labels[0, :10].tolist() == [1] * 6 + [2] * 3 + [0]

    def test_outlines_are_cut_at_the_border(self, tmp_path):
        feature = a_feature([square(-5, -5, 8)])
        labels = read_labelled(qupath(tmp_path, [feature])).records[0].load_annotation().labels
        assert labels.sum() == 9 and labels[:3, :3].all()

    def test_an_empty_list_means_no_cells_and_no_file_means_unlabelled(self, tmp_path):
        qupath(tmp_path, [])
        an_image(tmp_path / "images" / "b.png")
        looked, not_looked = read_labelled(tmp_path).records
        assert len(looked.load_annotation()) == 0
        assert not_looked.load_annotation() is None

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "empty"),
            ("{", "is no JSON"),
            ("3", "is no GeoJSON"),
            ({"features": [3]}, "object 1: is no feature"),
            ([a_feature([[[0, 0], [1, 1]]])], "fewer than three corners"),
            ([a_feature([[[0, 0], [1, None], [2, 2]]])], "no finite number"),
            ([a_feature([[[0, 0], [1], [2, 2]]])], "is no feature"),
            ([a_feature([[[0, 0], [1, float("inf")], [2, 2]]])], "no finite number"),
            ([a_feature([0, 0], kind="Point")], "is a Point, not a Polygon"),
        ],
    )
    def test_what_is_no_outline_is_refused_with_its_place(self, tmp_path, content, message):
        with pytest.raises(AnnotationError, match=message) as caught:
            read_labelled(qupath(tmp_path, content))
        assert "a.geojson" in str(caught.value)

    @pytest.mark.parametrize(
        ("features", "message"),
        [
            ([a_feature([square(100, 100, 4)])], "object 1 has no pixel"),
            ([a_feature([square(0, 0, 6)]), a_feature([square(1, 1, 2)])], "object 2 has no pixel"),
        ],
    )
    def test_objects_without_a_pixel_of_their_own_are_named(self, tmp_path, features, message):
        record = read_labelled(qupath(tmp_path, features)).records[0]
        with pytest.raises(AnnotationError, match=message):
            record.load_annotation()

    def test_a_class_that_is_not_in_the_list_is_refused(self, tmp_path):
        qupath(tmp_path, [a_feature([square(0, 0, 6)], name="dog")])
        (tmp_path / "classes.txt").write_text("cat\n")
        with pytest.raises(AnnotationError, match="'dog' is not in the list"):
            read_labelled(tmp_path).records[0].load_annotation()

    def test_outlines_without_image_and_folders_that_are_missing(self, tmp_path):
        qupath(tmp_path, [])
        (tmp_path / "geojson" / "b.geojson").write_text("[]")
        with pytest.raises(DatasetError, match="'b'"):
            geojson.read(tmp_path)
        with pytest.raises(DatasetError, match="no folder images/"):
            geojson.read(tmp_path / "images")


class TestCellpose:
    def test_both_names_of_label_images_are_read(self, tmp_path):
        labels = np.zeros(SIZE, int)
        labels[2:5, 2:5], labels[8:12, 8:12] = 1, 2
        for stem, name in (("a", "a_masks.tif"), ("b", "b_cp_masks.png"), ("c", None)):
            an_image(tmp_path / f"{stem}.png")
            if name:
                write_labels(tmp_path / name, labels)
        a, b, c = read_labelled(tmp_path).records
        assert [one.id for one in (a, b, c)] == ["a", "b", "c"]
        assert np.array_equal(a.load_annotation().labels, labels)
        assert np.array_equal(b.load_annotation().labels, labels)
        assert c.load_annotation() is None

    def test_what_its_window_saved_is_read(self, tmp_path):
        an_image(tmp_path / "a.png")
        labels = np.zeros(SIZE, np.uint16)
        labels[2:6, 3:9], labels[10:14, 20:25] = 1, 4
        window_saves(tmp_path / "a_seg.npy", labels)
        (record,) = read_labelled(tmp_path).records
        found = record.load_annotation()
        assert np.array_equal(found.labels, np.where(labels == 4, 2, labels))

    def test_files_that_contradict_each_other_are_refused(self, tmp_path):
        an_image(tmp_path / "a.png")
        labels = np.zeros(SIZE, np.uint16)
        labels[2:6, 3:9], labels[10:14, 20:25] = 1, 2
        write_labels(tmp_path / "a_cp_masks.png", labels)
        window_saves(tmp_path / "a_seg.npy", np.array([0, 9, 3], np.uint16)[labels])
        (record,) = read_labelled(tmp_path).records
        assert len(record.load_annotation()) == 2
        window_saves(tmp_path / "a_seg.npy", np.minimum(labels, 1))
        with pytest.raises(AnnotationError, match="hold different cells") as caught:
            record.load_annotation()
        assert "corrected last" in caught.value.remedy

    @pytest.mark.parametrize(
        ("masks", "match"),
        [
            (np.zeros((2, *SIZE), np.uint16), r"of the shape \(2, 20, 30\)"),
            (np.zeros((20, 31), np.uint16), "31 x 20 px"),
            (np.zeros(SIZE, np.float32), "holds no label image called masks"),
            (7, "holds no label image called masks"),
        ],
    )
    def test_a_saved_file_without_labels_of_the_image_is_refused(self, masks, match, tmp_path):
        an_image(tmp_path / "a.png")
        window_saves(tmp_path / "a_seg.npy", masks)
        (record,) = cellpose.read(tmp_path).records
        with pytest.raises(AnnotationError, match=match):
            record.load_annotation()

    def test_two_label_images_or_none_of_the_image_are_refused(self, tmp_path):
        an_image(tmp_path / "a.png")
        write_labels(tmp_path / "a_masks.tif", np.ones(SIZE, int))
        write_labels(tmp_path / "a_cp_masks.png", np.ones(SIZE, int))
        with pytest.raises(DatasetError, match="both labels of one image"):
            cellpose.read(tmp_path)
        (tmp_path / "a_masks.tif").unlink()
        (tmp_path / "a.png").unlink()
        with pytest.raises(DatasetError, match=r"a_cp_masks\.png"):
            cellpose.read(tmp_path)
