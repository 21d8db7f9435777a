"""A process that may open nothing more, as when descriptors or memory are short."""

import contextlib
import os
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def nothing_to_open() -> Iterator[None]:
    """Until the end, whatever opens a file, a pipe or a process in this process raises OSError."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)  # the next one that the system would give
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
