"""Regression tests that go with a repair: they fail as it crashed, and pass once it is mended.

values   a module is imported, a plain function lacks a value, or is given a number as text
shapes   what a value must be like, and an example of it
uses     how a function uses what it is given, read from its syntax
calls    the function that crashed is called with such an example
claims   what must be true of what it gives back or does

No test follows where nothing was raised (a loop that was held up, a task that nobody looked at, a
cancellation that was swallowed), nor where the way to the crash leads through more than plain data.
"""

from agent.model.builtin.regression.calls import call_test
from agent.model.builtin.regression.values import Test, gap_test, import_test, number_test

__all__ = ["Test", "call_test", "gap_test", "import_test", "number_test"]
