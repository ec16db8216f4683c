"""Tables of the service and of its page, from benchmarks/results."""

from __future__ import annotations

from table_text import origin, result, table

SERVICE_STARTS = 5


def service() -> str:
    """The service beside the bare loop."""
    content = result("service")
    start, latency = content["start"], content["latency_s"]
    n_clients = content["settings"]["clients"]
    rows = [
        ["errors, lost answers", "0", f"{content['errors']}, {content['lost']}"],
        ["images a second beside the loop", "0.85", f"{content['throughput_ratio']:.2f}"],
        [
            "processor time of the loop beside the service's, an image",
            "",
            f"{content['processor_ratio']:.2f}",
        ],
        [
            f"latency, {n_clients} waiting: median, 99 %",
            "reported",
            f"{latency['median']:.1f} s, {latency['p99']:.1f} s",
        ],
        [
            "memory, one detector loaded; under load",
            "400 MiB",
            f"{content['memory_mib_one_detector']:.0f} MiB; "
            f"{content['memory_mib_under_load']:.0f} MiB",
        ],
        [
            f"start to `/health`, best and median of {SERVICE_STARTS}",
            "2 s",
            f"{start['health_s_best']:.2f} s and {start['health_s_median']:.2f} s, of it "
            f"{start['start_processor_s_median']:.1f} s of the processor",
        ],
    ]
    return (
        table(["", "wanted", "found"], rows)
        + f"\n\n{content['requests']} answers. Load of the machine before it began: "
        f"{content['load_of_the_machine_before']:.1f}. {origin(content)}"
    )


def service_batches() -> str:
    """Processor time an image in the network, by images in a batch."""
    found = result("service")["network_processor_ms_by_batch"]
    sizes = list(next(iter(found.values())))
    rows = [
        [f"`{name}`", *(f"{one[size]:.0f} ms" for size in sizes)] for name, one in found.items()
    ]
    return table(["model", *(f"{size} in a batch" for size in sizes)], rows)


def viewer() -> str:
    """The page's viewer on a large image."""
    content = result("viewer")
    rows = [
        [
            name,
            f"{row['median_ms']:.0f} ms",
            f"{row['p95_ms']:.0f} ms",
            f"{row['p99_ms']:.0f} ms",
            f"{row['worst_ms']:.0f} ms",
            "–"
            if "browser_processor_ms_a_frame" not in row
            else f"{row['browser_processor_ms_a_frame']:.1f} ms",
            str(row["n"]),
        ]
        for name, row in (
            ("a frame while panning", content["panning"]),
            ("a frame while zooming", content["zooming"]),
            ("a tile, asked for to there", content["tiles"]),
        )
    ]
    header = ["", "median", "95 %", "99 %", "worst", "processor time of the browser", "n"]
    edge = content["settings"]["edge"]
    return (
        table(header, rows)
        + f"\n\n{edge:,} x {edge:,} pixels, {content['n_cells']:,} cells drawn over them: upload "
        f"{content['upload_s']:.0f} s, count {content['count_s']:.0f} s, from then to seen "
        f"{content['seen_after_count_s']:.0f} s; the service holds "
        f"{content['service_mib_after']:.0f} MiB afterwards. Chromium {content['chromium']}, load "
        f"of the machine before it began: {content['load_of_the_machine_before']:.1f}. "
        f"{origin(content)}"
    )
