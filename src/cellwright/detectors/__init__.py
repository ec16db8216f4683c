"""Detectors: one small protocol, a row each; the first is the default."""

from cellwright.bundles.card import EndToEndBoxes, UltralyticsBoxes
from cellwright.detectors.own import OwnDetector
from cellwright.detectors.protocol import Detector
from cellwright.detectors.ultralytics import UltralyticsDetector

DETECTORS: dict[str, Detector] = {
    "cell-detector": OwnDetector(),
    "yolov8n": UltralyticsDetector("yolov8n", UltralyticsBoxes()),
    "yolov9t": UltralyticsDetector("yolov9t", UltralyticsBoxes()),
    "yolov10n": UltralyticsDetector("yolov10n", EndToEndBoxes()),
    "yolo11n": UltralyticsDetector("yolo11n", UltralyticsBoxes()),
    "yolo12n": UltralyticsDetector("yolo12n", UltralyticsBoxes()),
    "yolo26n": UltralyticsDetector("yolo26n", EndToEndBoxes()),
}
