"""Figures for Prometheus; a registry a service, so that two in one process do not mix."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry:
    """Counts requests and images.

    Attributes:
        requests: by method, route and status.
        images: by outcome, ``done`` or ``failed``.
        seconds: of one image in the network and around it.
        waiting: images of running jobs without a result.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "cellwright_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.images = Counter(
            "cellwright_images", "Images predicted", ("outcome",), registry=self._registry
        )
        self.seconds = Histogram(
            "cellwright_image_seconds", "Time for one image", registry=self._registry
        )
        self.waiting = Gauge(
            "cellwright_images_waiting", "Images waiting for the worker", registry=self._registry
        )

    def text(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self._registry)
