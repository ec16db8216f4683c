"""Does what the Dockerfile does, without an engine: ``python tests/container_steps.py FOLDER``.

Makes a fresh environment in FOLDER, installs this checkout with the same extras and constraints,
looks that no PyTorch came with it, starts the service as the image's CMD does, behind a token, and
asks ``/ready`` as its HEALTHCHECK does. Some minutes and 1.5 GB; needs a package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
PORT = 18642
PATIENCE_S = 60


def main(folder: Path) -> None:
    """All steps; raises at the first that fails."""
    environment, data = folder / "cellwright", folder / "data"
    programs = environment / "bin"
    run(sys.executable, "-m", "venv", environment)
    run(
        *(programs / "pip", "install", "--no-cache-dir", "--quiet"),
        *("--constraint", ROOT / "constraints.txt", f"{ROOT}[serve,postgresql]"),
    )
    installed = subprocess.check_output([programs / "pip", "list", "--format=freeze"], text=True)
    unwanted = {"torch", "lightning", "ultralytics"} & {
        line.partition("==")[0] for line in installed.splitlines()
    }
    if unwanted:
        raise SystemExit(f"the image would hold {', '.join(sorted(unwanted))}")
    cellwright = programs / "cellwright"
    run(cellwright, "serve", "--create-token", "Ada", "--data", data)
    command = [cellwright, "serve", "--host", "0.0.0.0", "--port", str(PORT), "--data", data]
    service = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": ""})
    try:
        wait_until_ready()
        if status("/api/v1/models") != 401:
            raise SystemExit("the service is open to strangers")
    finally:
        service.terminate()
        service.wait(timeout=60)
    print("all steps of the image work")


def run(*command: object) -> None:
    """One step."""
    print("+", *command, flush=True)
    environment = {**os.environ, "PYTHONPATH": ""}
    subprocess.run([str(word) for word in command], check=True, cwd="/", env=environment)


def wait_until_ready() -> None:
    """Ask as HEALTHCHECK does."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if status("/api/v1/ready") == 200:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise SystemExit("the service is not ready")


def status(path: str) -> int:
    """Status of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=4) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
