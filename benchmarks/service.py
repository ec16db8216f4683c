"""The service under fifty clients, beside the bare loop of ``inference`` over the same images.

    python benchmarks/service.py [--clients 50] [--seconds 60] [--rounds 4] [--model blood-cells]

Four questions. How soon after its start does ``cellwright serve`` answer ``/health``? How much
memory does it take with one detector loaded, and while all clients send? How many simulated
640x480 pictures a second does it do, beside the loop of ``cellwright predict`` (images side by
side, no overlays) over the same pictures? Service and loop take turns, so that a noisy machine is
noisy for both; processor seconds an image, which other programs disturb less, stand beside wall
time. Every answer is compared with the loop's: its count, and that it came. And what would a
batch of images in the network cost beside one image at a time? Clients, loop and service share
this machine; nothing but the loopback address is used.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import sqlite3
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.sessions import choose_runtime, open_session
from cellwright.images.read import open_image
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_series
from cellwright.images.write import write_png
from cellwright.inference.identity import name_images
from cellwright.inference.predictor import Predictor
from cellwright.inference.run import LoadedModel, RunOptions, load_model
from cellwright.inference.workers import in_order, plan_work
from record import write_results
from served import serving

SEED = 0
N_PICTURES = 8
STARTS = 5
MANY = 1000
BOUNDARY = "cellwright-benchmark"
BATCHED = ("blood-cells", "live-dead-fluo")
BATCHES = (1, 2, 4, 8)
N_BATCHED = 32
N_CELLS_AT = 4
"""Column of the number of cells in a summary."""


@dataclass
class Load:
    """What the clients saw.

    Attributes:
        seconds: of each answered request, from its first byte sent to its last received.
        faults: what went wrong, one line a request.
    """

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def pictures(folder: Path) -> list[Path]:
    """Simulated stained fields of 640x480 pixels."""
    scene = LiveDeadScene(height=480, width=640, n_cells=60, radius_px=(7, 11))
    paths = []
    for index, pair in enumerate(simulate_series(N_PICTURES, scene, name="field", seed=SEED)):
        paths.append(folder / f"field{index}.png")
        write_png(paths[-1], pair.blue)
    return paths


def own_model(model: str) -> tuple[str, ...]:
    """The option that adds a bundle file to the models of the zoo."""
    return ("--model", model) if Path(model).is_file() else ()


def start_figures(folder: Path, model: str) -> dict[str, Any]:
    """Seconds from the start of the process to an answer of ``/health``."""
    wall, cpu = [], []
    for index in range(STARTS):
        start = time.perf_counter()
        # The first start makes the tables; those after it find them.
        with serving(folder / "start", *own_model(model)) as (address, process):
            health(address)
            wall.append(time.perf_counter() - start)
            cpu.append(sum(process.cpu_times()[:2]))
        print(f"start {index}: {wall[-1]:.2f} s, {cpu[-1]:.2f} s of the processor", flush=True)
    return {
        "health_s_first_start": wall[0],
        "health_s_median": statistics.median(wall),
        "health_s_best": min(wall),
        "start_processor_s_median": statistics.median(cpu),
    }


def health(address: str) -> None:
    """Wait for an answer."""
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}/api/v1/health", timeout=5):
                return
        except OSError:
            time.sleep(0.005)


def request_of(path: Path, model: str, address: str) -> bytes:
    """A whole ``POST /predict``, made once, so that the clients cost next to nothing."""
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"'
        "\r\nContent-Type: image/png\r\n\r\n"
    ).encode() + path.read_bytes()
    body += f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST /api/v1/predict HTTP/1.1\r\nHost: {address}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def client(
    address: str, requests: Iterator[tuple[bytes, int]], until: float, load: Load
) -> None:
    """One client: a picture after the other over one connection until the time is up."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    while time.perf_counter() < until:
        request, expected = next(requests)
        start = time.perf_counter()
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        load.seconds.append(time.perf_counter() - start)
        if not head.startswith("http/1.1 200"):
            load.faults.append(body.decode()[:200])
        elif json.loads(body)["summary"]["n_cells"] != expected:
            load.faults.append("another count than the loop's")
    writer.close()


def send(address: str, requests: list[tuple[bytes, int]], *, clients: int, seconds: float) -> Load:
    """All clients at once for so long; each finishes what it has begun."""
    load = Load()

    async def all_clients() -> None:
        turn = itertools.cycle(requests)
        until = time.perf_counter() + seconds
        await asyncio.gather(*(client(address, turn, until, load) for _ in range(clients)))

    asyncio.run(all_clients())
    return load


def loop(model: LoadedModel, paths: Sequence[Path], seconds: float) -> tuple[int, float, list[int]]:
    """The loop of ``predict`` for so long: images, wall seconds, cells of the first pictures."""
    images = name_images(list(paths))

    def one(image: Any) -> int:
        with open_image(image.path) as source:
            return int(model.work.do(image, source).part.summary[N_CELLS_AT])

    counts, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds:
        counts += in_order(one, images, workers=model.workers)
    return len(counts), time.perf_counter() - start, counts[: len(images)]


def batch_figures(path: Path) -> dict[str, dict[str, float]]:
    """Processor milliseconds an image in the network alone, by model and images in a batch."""
    figures = {}
    for name in BATCHED:
        bundle = open_bundle(name)
        with open_image(path) as source:
            one = next(Predictor(bundle, threads=1).network_inputs(source))
        entry = bundle.card.graphs[0]
        runtime = choose_runtime("auto", entry.precision)
        session = open_session(bundle.graph(entry), runtime=runtime, threads=2)
        figures[name] = {}
        for size in BATCHES:
            batch = np.repeat(one, size, axis=0)
            session.run(batch)
            start = time.process_time()
            for _ in range(N_BATCHED // size):
                session.run(batch)
            figures[name][str(size)] = (time.process_time() - start) / N_BATCHED * 1000
        print(f"batches, {name}: {figures[name]}", flush=True)
    return figures


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value at or below which ``share`` of them lie."""
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def audited(data: Path) -> int:
    """Predictions that stand in the audit."""
    with sqlite3.connect(data / "service.db") as database:
        return int(
            database.execute("SELECT count(*) FROM audit WHERE action = 'predict'").fetchone()[0]
        )


def measure(folder: Path, paths: list[Path], settings: argparse.Namespace) -> dict[str, Any]:
    """Loop and service in turns."""
    bundle = open_bundle(settings.model)
    model = load_model(bundle, RunOptions(overlays="none"), plan=plan_work(MANY, threads=None))
    _, _, expected = loop(model, paths, 0.1)
    own = psutil.Process()
    total, rounds = Load(), []
    part = settings.seconds / settings.rounds
    with serving(folder / "load", *own_model(settings.model)) as (address, process):
        requests = [
            (request_of(path, bundle.card.name, address), count)
            for path, count in zip(paths, expected, strict=True)
        ]
        health(address)
        send(address, requests, clients=1, seconds=0.1)
        loaded = process.memory_info().rss
        peak = 0
        for index in range(settings.rounds):
            before = sum(own.cpu_times()[:2])
            n_loop, wall_loop, _ = loop(model, paths, part)
            loop_cpu = sum(own.cpu_times()[:2]) - before
            before, start = sum(process.cpu_times()[:2]), time.perf_counter()
            load = send(address, requests, clients=settings.clients, seconds=part)
            wall = time.perf_counter() - start
            peak = max(peak, process.memory_info().rss)
            rounds.append(
                {
                    "loop_per_s": n_loop / wall_loop,
                    "service_per_s": len(load.seconds) / wall,
                    "loop_processor_s": loop_cpu / n_loop,
                    "service_processor_s": (sum(process.cpu_times()[:2]) - before)
                    / len(load.seconds),
                }
            )
            total.seconds += load.seconds
            total.faults += load.faults
            print(f"round {index}: {rounds[-1]}, load {os.getloadavg()[0]:.1f}", flush=True)
    middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    return {
        **middle,
        "throughput_ratio": middle["service_per_s"] / middle["loop_per_s"],
        "processor_ratio": middle["loop_processor_s"] / middle["service_processor_s"],
        "rounds": rounds,
        "requests": len(total.seconds),
        "errors": len(total.faults),
        "first_errors": total.faults[:5],
        "lost": len(total.seconds) + 1 - audited(folder / "load"),
        "latency_s": {
            "median": statistics.median(total.seconds),
            "p99": percentile(total.seconds, 0.99),
            "largest": max(total.seconds),
        },
        "memory_mib_one_detector": loaded / 2**20,
        "memory_mib_under_load": peak / 2**20,
    }


def main() -> None:
    """Measure and write ``results/service.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--model", default="blood-cells")
    settings = parser.parse_args()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pictures").mkdir()
        paths = pictures(folder / "pictures")
        content = {
            "seed": SEED,
            "settings": vars(settings),
            "load_of_the_machine_before": load_before,
            "start": start_figures(folder, settings.model),
            "network_processor_ms_by_batch": batch_figures(paths[0]),
            **measure(folder, paths, settings),
        }
    print(write_results("service", content).read_text())


if __name__ == "__main__":
    main()
