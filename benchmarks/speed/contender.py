"""One contender in a process of its own: prepares, then does a turn each time a line comes in.

A process of its own because settings of the allocator, threads and imports of one would help or
hinder another.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

module, name, data = sys.argv[1:]
turn = getattr(importlib.import_module(f"benchmarks.speed.{module}"), name)(Path(data))
turn()  # the first pays for setting up
print("ready", flush=True)
for _ in sys.stdin:
    wall, processor = time.perf_counter(), time.process_time()
    count = turn()
    told = (count, time.perf_counter() - wall, time.process_time() - processor)
    print(json.dumps(told), flush=True)
