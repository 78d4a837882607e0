"""Processes that start in milliseconds: one imports torch once, and they fork it."""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.reliability.jobs", "tests.reliability.faults"])
