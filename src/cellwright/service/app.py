"""The application: its parts put together, its routes, its page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.routing import Match, Mount
from starlette.types import Scope

from cellwright import __version__
from cellwright.service.access import Access
from cellwright.service.explanations import Explanations
from cellwright.service.files import Files
from cellwright.service.guard import Guard
from cellwright.service.models import Models
from cellwright.service.problems import PROBLEMS, install_problem_handlers
from cellwright.service.routes import ROUTERS
from cellwright.service.settings import API, ServiceSettings
from cellwright.service.store import Store
from cellwright.service.telemetry import Telemetry
from cellwright.service.work_queue import Queue
from cellwright.service.worker import Worker

PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True)
class Lines:
    """How many of what takes long are worked on at once; more wait, without a thread each.

    So all other requests find a thread.
    """

    predict: CapacityLimiter
    # A whole picture may lie in memory while its tiles are made.
    tiles: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    # One model explains at a time.
    explanations: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    corrections: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))


@dataclass(frozen=True)
class Parts:
    """What the routes work with; stands in ``app.state.parts``."""

    settings: ServiceSettings
    store: Store
    queue: Queue
    files: Files
    models: Models
    explanations: Explanations
    access: Access
    worker: Worker
    telemetry: Telemetry
    lines: Lines


class _Page(Mount):
    """All addresses outside the API, which itself says what it has not and how it is asked."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether an address is the page's."""
        if scope.get("path", "").startswith(f"{API}/"):
            return Match.NONE, {}
        return super().matches(scope)


def create_app(settings: ServiceSettings) -> FastAPI:
    """The service as an ASGI application; its worker runs while the application does.

    Raises:
        CellwrightError: the store, or a bundle, cannot be opened.
    """
    parts = _assembled(settings)

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        parts.files.remove_left_behind()
        parts.worker.start()
        yield
        parts.worker.stop()
        parts.store.close()

    app = FastAPI(
        title="Cellwright",
        version=__version__,
        description="Microscope images into counts. Research use only.",
        lifespan=running,
        openapi_url=f"{API}/openapi.json",
        # Their pages load scripts from elsewhere, which the policy of this service forbids.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = parts
    install_problem_handlers(app)
    for router in ROUTERS:
        app.include_router(router, prefix=API, responses=PROBLEMS)
    app.router.routes.append(_Page("/", StaticFiles(directory=PAGE, html=True), name="page"))
    app.add_middleware(Guard, settings=settings, access=parts.access, telemetry=parts.telemetry)
    return app


def _assembled(settings: ServiceSettings) -> Parts:
    """Store, files, models and the worker between them."""
    store = Store(settings.database_url)
    files = Files(settings.folder, settings.limits)
    models = Models(settings.bundles, runtime=settings.runtime, threads=settings.threads)
    telemetry = Telemetry()
    queue = Queue(store.engine, models.serves)
    return Parts(
        settings=settings,
        store=store,
        queue=queue,
        files=files,
        models=models,
        explanations=Explanations(models, threads=settings.threads),
        access=Access(store),
        worker=Worker(queue, files, models, telemetry),
        telemetry=telemetry,
        lines=Lines(predict=CapacityLimiter(models.at_once)),
    )
