"""Requests per second and waiting times of `lamp serve`, against the same model called directly.

    python benchmarks/serving.py MODEL PICTURES_FOLDER [SECONDS]

Both decode the same files and answer them on the CPU. "direct" is `model.predict(bytes)` in a loop,
one after another; "direct, batched" is `model.predict_each` over all. The server runs in a process
of its own and is asked over loopback by 1, 4 and 16 clients at a time, each in a thread with one
kept connection.
"""

from __future__ import annotations

import http.client
import itertools
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from lamplighter.predict import load, picture_files


def told(name: str, seconds: float, waits: list[float]) -> None:
    """One row of the table."""
    waits = sorted(waits)
    p99 = waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    median = statistics.median(waits)
    print(f"| {name} | {len(waits) / seconds:.1f} | {1000 * median:.0f} | {1000 * p99:.0f} |")


def direct(path: str, contents: list[bytes], seconds: float) -> None:
    """The model called in this process."""
    model = load(path, device="cpu")
    model.predict(contents[0])
    waits: list[float] = []
    started = time.perf_counter()
    for content in itertools.cycle(contents):
        before = time.perf_counter()
        model.predict(content)
        waits.append(time.perf_counter() - before)
        if time.perf_counter() - started > seconds:
            break
    told("direct, one after another", time.perf_counter() - started, waits)
    started = time.perf_counter()
    count = sum(1 for _ in model.predict_each(contents))
    took = time.perf_counter() - started
    print(f"| direct, batched (`predict_each`) | {count / took:.1f} | – | – |")


def served(port: int, contents: list[bytes], clients: int, seconds: float) -> None:
    """The server asked by so many clients at a time."""
    waits: list[float] = []
    end = time.perf_counter() + seconds

    def client(offset: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for n in itertools.count(offset):
            before = time.perf_counter()
            line.request("POST", "/predict", contents[n % len(contents)])
            answer = line.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            waits.append(time.perf_counter() - before)
            if time.perf_counter() > end:
                return

    started = time.perf_counter()
    threads = [threading.Thread(target=client, args=(n * 7,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told(f"served, {clients} at a time", time.perf_counter() - started, waits)


def main() -> None:
    path, folder = sys.argv[1:3]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    contents = [Path(file).read_bytes() for file in picture_files([folder])]
    print("| | pictures per second | median, ms | p99, ms |\n|---|---:|---:|---:|")
    direct(path, contents, seconds)
    command = [sys.executable, "-c", "from lamplighter.cli import main; main()", "serve", path]
    process = subprocess.Popen(
        [*command, "--port", "0", "--device", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1])
        for clients in (1, 4, 16):
            served(port, contents, clients, seconds)
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
