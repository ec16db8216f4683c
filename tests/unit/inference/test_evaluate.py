from functools import partial

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.write import write_png
from cellwright.inference.evaluate import evaluate_bundle, predict_labelled
from cellwright.inference.predictor import Predictor
from cellwright.types import Boxes, Category, Instances


def give(annotation):
    return annotation


@pytest.fixture
def labelled(tmp_path, draw_dots, scatter_cells):
    """Function (classes, annotate) -> a set of three images; the truth is exact."""

    def make(classes=("live", "dead"), annotate=lambda boxes: boxes, groups="abc"):
        records = []
        for number in range(3):
            truth = scatter_cells(30, 160, 200, seed=number)
            path = tmp_path / f"{number}.png"
            write_png(path, draw_dots(160, 200, truth))
            clipped = truth.clipped(160, 200)
            load = partial(give, annotate(clipped))
            records.append(Record(str(number), path, load, group=groups[number]))
        return LabelledSet("dots", classes, tuple(records))

    return make


def test_a_perfect_detector_is_perfect(dot_bundle, labelled):
    report = evaluate_bundle(open_bundle(dot_bundle), labelled())
    assert report.n_images == 3
    for name in ("ap50", "precision", "recall", "f1"):
        assert report.metrics[name].value == pytest.approx(1.0)
    assert report.metrics["count_mae"].value == 0
    assert report.settings["runtime"] == "onnxruntime"
    assert report.settings["resampled"] == "image"


def test_images_of_a_group_are_resampled_together(dot_bundle, labelled):
    report = evaluate_bundle(open_bundle(dot_bundle), labelled(groups="aab"))
    assert report.settings["resampled"] == "group"


def test_classes_are_matched_by_name_not_by_number(dot_bundle, labelled):
    swapped = labelled(
        classes=("unused", "dead", "live"),
        annotate=lambda boxes: Boxes(boxes.xyxy, np.array([2, 1])[boxes.class_ids]),
    )
    report = evaluate_bundle(open_bundle(dot_bundle), swapped)
    assert report.metrics["f1"].value == pytest.approx(1.0)


def test_a_class_the_model_does_not_know_is_said(dot_bundle, labelled):
    with pytest.raises(DatasetError, match=r"class 'necrotic'.*classes are: live, dead"):
        evaluate_bundle(open_bundle(dot_bundle), labelled(classes=("live", "necrotic")))


def test_instance_labels_count_as_their_boxes(dot_bundle, labelled):
    def as_instances(boxes):
        labels = np.zeros((160, 200), np.int32)
        x0, y0, x1, y1 = boxes.xyxy[boxes.class_ids == 0][0].astype(int)
        labels[y0:y1, x0:x1] = 1
        return Instances(labels)

    report = evaluate_bundle(open_bundle(dot_bundle), labelled(annotate=as_instances))
    assert report.per_class["live"]["recall"].value == pytest.approx(1.0)


def test_unlabelled_images_are_left_out_and_counted(dot_bundle, labelled):
    kept = labelled()
    blank = labelled(annotate=lambda _: None)
    mixed = LabelledSet("mixed", kept.classes, (*kept.records[:2], blank.records[2]))
    report = evaluate_bundle(open_bundle(dot_bundle), mixed)
    assert (report.n_images, report.settings["unlabelled_images"]) == (2, 1)
    with pytest.raises(DatasetError, match="none of the images is labelled"):
        evaluate_bundle(open_bundle(dot_bundle), blank)


def test_annotations_of_another_task_are_refused(dot_bundle, labelled):
    with pytest.raises(AnnotationError, match="not the class of an image"):
        evaluate_bundle(open_bundle(dot_bundle), labelled(annotate=lambda _: Category(0)))


def test_truth_and_prediction_come_in_the_sets_order(dot_bundle, labelled):
    both = predict_labelled(Predictor(open_bundle(dot_bundle)), labelled())
    truth, found = both.truth, both.predicted
    assert [len(boxes) for boxes in truth] == [len(boxes) for boxes in found] == [30, 30, 30]
