"""Trusted test runs: which tests hold, by a verdict that the code under test cannot write."""

from sandbox.testing.bench import TestBench
from sandbox.testing.outcome import Failure, TestOutcome, TestRun

__all__ = ["Failure", "TestBench", "TestOutcome", "TestRun"]
