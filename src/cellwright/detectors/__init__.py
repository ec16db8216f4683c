"""Detectors: one small protocol, a row each; the first is the default."""

from cellwright.detectors.own import OwnDetector
from cellwright.detectors.protocol import Detector
from cellwright.detectors.ultralytics import UltralyticsDetector

DETECTORS: dict[str, Detector] = {
    "cell-detector": OwnDetector(),
    "yolov8n": UltralyticsDetector("yolov8n"),
    "yolov9t": UltralyticsDetector("yolov9t"),
    "yolov10n": UltralyticsDetector("yolov10n"),
    "yolo11n": UltralyticsDetector("yolo11n"),
    "yolo12n": UltralyticsDetector("yolo12n"),
    "yolo26n": UltralyticsDetector("yolo26n"),
}
