"""One thread that does the images of jobs, oldest first; what it holds is in the store.

It keeps nothing of its own: killed at any moment, the next start, or another process on the
same store, finds the images without a result and does them. Pictures are written before the
result's row, which alone makes an image done.
"""

from __future__ import annotations

import logging
from threading import Event, Thread

from cellwright.errors import CellwrightError
from cellwright.service.files import Files
from cellwright.service.models import Models
from cellwright.service.records import Task
from cellwright.service.telemetry import Telemetry
from cellwright.service.work_queue import BEAT_SECONDS, MAX_ATTEMPTS, Queue

POLL_SECONDS = 1.0
"""How long the worker sleeps when nobody wakes it; another process may have added a job."""

_log = logging.getLogger(__name__)


class Worker:
    """Starts with :meth:`start`, ends with :meth:`stop`."""

    def __init__(self, queue: Queue, files: Files, models: Models, telemetry: Telemetry) -> None:
        self._queue, self._files, self._models = queue, files, models
        self._telemetry = telemetry
        self._wake, self._stopping, self._ended = Event(), Event(), Event()
        self._thread = Thread(target=self._run, name="worker", daemon=True)
        self._heart = Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier process left."""
        self._queue.join()
        self._heart.start()
        self._thread.start()

    def stop(self) -> None:
        """Finish the image in work and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
            self._ended.set()
            self._heart.join()
            self._queue.leave()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether jobs are being done."""
        return self._thread.is_alive()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                self._queue.join()
            except Exception:
                _log.exception("the store could not be told that this process lives")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                busy = self._step()
            except Exception:
                # The database may be away for a while; the service says so at /ready.
                _log.exception("the worker could not go on; it tries again")
                busy = False
            if not busy and not self._stopping.is_set():
                self._wake.wait(POLL_SECONDS)

    def _step(self) -> bool:
        """Do one image; False if there is none."""
        task = self._queue.next_task()
        if task is None:
            return False
        try:
            self._do(task)
        except CellwrightError as error:
            self._fail(task, {"what": error.what, "where": task.name, "remedy": error.remedy})
        except Exception:
            _log.exception("image %d of job %s", task.position, task.job_id)
            what = "the service could not do this image; its log says why"
            self._fail(task, {"what": what, "where": task.name, "remedy": "tell who runs it"})
        return True

    def _do(self, task: Task) -> None:
        if task.attempts > MAX_ATTEMPTS:
            raise CellwrightError(
                f"the service ended {MAX_ATTEMPTS} times while it did this image",
                remedy="upload a smaller image, or give the service more memory",
            )
        file = self._files.image(task.sha256, task.suffix)
        found = self._models.predict(task.model, task.options, file, task.name)
        for product in found.products:
            name = f"{product.folder}{product.suffix}"
            product.write(self._files.result(task.job_id, task.position, name))
        if self._queue.finish(task, summary=found.summary, cells=found.cells, counts=found.counts):
            self._telemetry.images.labels("done").inc()
            self._telemetry.seconds.observe(found.seconds)
        else:
            self._tidy(task)

    def _fail(self, task: Task, problem: dict[str, str]) -> None:
        if self._queue.finish(task, problem=problem):
            self._telemetry.images.labels("failed").inc()
        else:
            self._tidy(task)

    def _tidy(self, task: Task) -> None:
        """Remove what was made for a job that was deleted meanwhile."""
        if self._queue.is_gone(task):
            self._files.forget_results(task.job_id)
