"""Labels as Cellpose, QuPath and ImageJ keep them, and what is refused of them."""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from roifile import ROI_TYPE, ImagejRoi

from cellwright.bundles.bundle import open_bundle
from cellwright.data.formats import FORMATS, cellpose, geojson, imagej, read_labelled
from cellwright.data.formats.imagej import class_of
from cellwright.data.formats.layout import Known
from cellwright.data.formats.object_arrays import Call
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError, ImageError, MissingExtraError
from cellwright.images.outlines import outline_cells
from cellwright.images.write import write_labels, write_png
from cellwright.inference.outline_products import outline_products
from cellwright.inference.run import RunOptions, predict_files
from cellwright.types import Instances
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

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

    def test_without_a_list_of_classes_a_file_is_parsed_once_and_damage_is_listed(
        self, tmp_path, monkeypatch
    ):
        qupath(tmp_path, [a_feature([square(0, 0, 3)])])
        qupath(tmp_path, "[{}]", stem="b")
        with pytest.raises(AnnotationError, match="is no feature of GeoJSON"):
            read_labelled(tmp_path)
        parsed = []
        loads = json.loads
        monkeypatch.setattr(geojson.json, "loads", lambda text: parsed.append(1) or loads(text))
        good, bad = read_labelled(tmp_path, damaged="keep").records
        assert pickle.loads(pickle.dumps(good)).load_annotation().labels.sum() == 9
        with pytest.raises(AnnotationError, match=r"b\.geojson: object 1: is no feature"):
            bad.load_annotation()
        assert len(parsed) == 2
        (tmp_path / "geojson" / "a.geojson").write_text("{")
        with pytest.raises(AnnotationError, match=r"a\.geojson: is no JSON.* 1 more image:"):
            read_labelled(tmp_path, damaged="keep")

    def test_what_predict_writes_is_read_once_its_images_lie_beside_it(self, tmp_path):
        labels = np.zeros(SIZE, np.int32)
        labels[3:9, 2:8], labels[10:14, 20:24] = 1, 2
        cells = Instances(labels, np.array([1, 0]))
        classes = ("dead", "live")
        (file,) = outline_products(
            "geojson", lambda: outline_cells(cells, classes), classes, image_id="a", size=SIZE
        )
        path = tmp_path / file.folder / f"a{file.suffix}"
        path.parent.mkdir()
        file.write(path)
        with pytest.raises(DatasetError, match=r"not the images .* into images/, beside outlines/"):
            read_labelled(tmp_path)
        an_image(tmp_path / "images" / "a.png")
        labelled = read_labelled(tmp_path)
        assert labelled.classes == classes
        found = labelled.records[0].load_annotation()
        assert np.array_equal(found.labels, labels) and found.class_ids.tolist() == [1, 0]
        # Labels that were put down as such go before predictions.
        (tmp_path / "geojson").mkdir()
        assert read_labelled(tmp_path).records[0].load_annotation() is None

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
            ("[" * 200_000, "nested too deeply"),
            ("3", "is no GeoJSON"),
            ([a_feature([[[0, 0], [1, 10**400], [2, 2]]])], "is no feature"),
            ([a_feature([[[0, 0], [1e308, 0], [2, 2]]])], "beyond any image"),
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


def a_region(x, y, edge, name):
    """A square as Fiji's polygon tool leaves it."""
    made = ImagejRoi.frompoints(np.array(square(x, y, edge)[:-1]), name=name)
    made.roitype = ROI_TYPE.POLYGON
    return made.tobytes()


def fiji(root, regions, *, stem="a"):
    """A set of one image with a zip of regions: squares by x, y, edge and name."""
    an_image(root / "images" / f"{stem}.png")
    (root / "rois").mkdir(exist_ok=True)
    with zipfile.ZipFile(root / "rois" / f"{stem}.zip", "w") as archive:
        for number, one in enumerate(regions):
            archive.writestr(f"{number}.roi", a_region(*one))
    return root


class TestImageJ:
    def test_regions_are_filled_and_their_names_say_the_class(self, tmp_path):
        regions = [(2, 3, 6, "0001-big"), (20, 10, 4, "0002-ant"), (10, 3, 3, "ant-1")]
        labelled = read_labelled(fiji(tmp_path, regions))
        assert labelled.classes == ("ant", "big")
        found = labelled.records[0].load_annotation()
        expected = np.zeros(SIZE, int)
        expected[3:9, 2:8], expected[10:14, 20:24], expected[3:6, 10:13] = 1, 2, 3
        assert np.array_equal(found.labels, expected)
        assert found.class_ids.tolist() == [1, 0, 0]

    @pytest.mark.parametrize(
        ("name", "classes", "expected"),
        [
            ("0012-live", (), "live"),
            ("0012-live", ("dead", "live"), "live"),
            ("live", (), "live"),
            ("live-2", (), "live"),
            ("0012-live-2", (), "live"),
            ("0012-type-2", ("type", "type-2"), "type-2"),
            ("0012-type-3", ("type", "type-2"), "type"),
            ("0012-ant_eater", ("ant eater",), "ant eater"),
            ("0012-µ-cell", (), "µ-cell"),
            ("0012-2", ("1", "2"), "2"),
            ("2-cell", ("cell", "2-cell"), "2-cell"),
            ("0123-0456", (), "object"),
            ("0001-0123-0456", (), "object"),
            ("0123-0456", ("nucleus",), "nucleus"),
            ("0123-0456", ("live", "dead"), "object"),
            ("", (), "object"),
            ("0012-dog", ("nucleus",), "dog"),
        ],
    )
    def test_the_class_of_a_name(self, name, classes, expected):
        assert class_of(name, classes) == expected

    def test_what_predict_writes_is_read_as_its_label_image(self, tmp_path):
        write_png(tmp_path / "set" / "images" / "a.png", draw_ink(scattered_discs(9, (80, 100))))
        bundle = open_bundle(write_ink_bundle(tmp_path / "cells.cellwright"))
        out = tmp_path / "out"
        options = RunOptions(overlays="none", outlines="imagej")
        predict_files([tmp_path / "set"], bundle=bundle, out=out, options=options)
        (out / "outlines").rename(tmp_path / "set" / "rois")
        (out / "labels").rename(tmp_path / "set" / "instances")
        regions, labels = (FORMATS[name].read(tmp_path / "set") for name in ("imagej", "instances"))
        assert regions.classes == bundle.card.classes
        found = regions.records[0].load_annotation().labels
        assert found.max() == 9
        assert np.array_equal(found, labels.records[0].load_annotation().labels)

    def test_one_region_alone_is_called_as_its_file_and_says_no_class(self, tmp_path):
        fiji(tmp_path, [])
        (tmp_path / "rois" / "a.zip").unlink()
        (tmp_path / "rois" / "a.roi").write_bytes(a_region(2, 3, 6, "a"))
        labelled = read_labelled(tmp_path)
        assert labelled.classes == ("object",)
        assert labelled.records[0].load_annotation().labels.sum() == 36

    def test_an_empty_zip_means_no_cells_and_no_file_means_unlabelled(self, tmp_path):
        fiji(tmp_path, [])
        an_image(tmp_path / "images" / "b.png")
        looked, not_looked = read_labelled(tmp_path).records
        assert len(looked.load_annotation()) == 0
        assert not_looked.load_annotation() is None

    def test_a_region_without_class_among_several_is_refused(self, tmp_path):
        fiji(tmp_path, [(2, 3, 6, "0005-0005")])
        (tmp_path / "classes.txt").write_text("live\ndead\n")
        record = read_labelled(tmp_path).records[0]
        with pytest.raises(AnnotationError, match=r"a\.zip: 0\.roi: the class 'object' is not"):
            record.load_annotation()

    def test_a_zip_and_a_region_of_one_image_are_refused(self, tmp_path):
        fiji(tmp_path, [])
        (tmp_path / "rois" / "a.roi").write_bytes(a_region(2, 3, 6, "a"))
        with pytest.raises(DatasetError, match=r"a\.roi and a\.zip share a stem"):
            imagej.read(tmp_path)

    def test_classes_that_names_of_regions_cannot_tell_apart(self, tmp_path):
        with pytest.raises(DatasetError, match=r"'a b' and 'a_b' would both"):
            imagej.write(a_set(tmp_path, SIZE, classes=("a b", "a_b")), tmp_path / "out")

    def test_an_image_beyond_what_the_format_counts(self, tmp_path):
        with pytest.raises(ImageError, match="convert to geojson"):
            imagej.write(a_set(tmp_path, (2, 40_000)), tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_without_the_extra_no_set_is_read_and_one_is_written(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "roifile", None)
        imagej.write(a_set(tmp_path, SIZE), tmp_path / "out")
        with pytest.raises(MissingExtraError, match=r"cellwright\[bio\]"):
            read_labelled(tmp_path / "out")


def a_set(folder, size, *, classes=("cell",)):
    """One image, wholly a cell."""
    an_image(folder / "a.png")
    cells = Instances(np.ones(size, int))
    return LabelledSet("set", classes, (Record("a", folder / "a.png", Known(cells), group="a"),))


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

    def test_labels_that_are_filled_with_nothing_are_damaged(self, tmp_path, monkeypatch):
        an_image(tmp_path / "a.png")
        (tmp_path / "a_seg.npy").write_bytes(b"")
        unfilled = {"masks": Call("numpy.core.multiarray._reconstruct")}
        monkeypatch.setattr(cellpose, "read_object", lambda _: unfilled)
        (record,) = cellpose.read(tmp_path).records
        with pytest.raises(AnnotationError, match="holds damaged labels"):
            record.load_annotation()

    def test_an_image_that_is_called_as_labels_are_is_not_written(self, tmp_path):
        labelled = a_set(tmp_path, SIZE)
        (record,) = labelled.records
        called = replace(labelled, records=(replace(record, id="well_masks"),))
        with pytest.raises(DatasetError, match="'well_masks' ends as label images"):
            cellpose.write(called, tmp_path / "out")
        assert not (tmp_path / "out").exists()
