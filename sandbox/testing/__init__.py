"""Trusted test runs: which tests hold, by a verdict that the code under test cannot write.

What stands between a patch and a false verdict, from the outside in:

the tree         tests, their helpers and settings are the base's; a patch's new tests run apart
the static look  what no service needs, and the patch newly has, is tampering; nothing is run then
the box          no way to the healer, to the supervisor beside it, or out
the imports      a file counts as it was; packages and the standard library keep their names
the trail        a test says secret words on its way; 'passed' without them is tampering
the parts        a block of a test, or a claim of the tests or their helpers, that was reached on the base
                 is reached on the patch, and no claim fails unheard, or the test has not passed; nor has
                 one that failed on the base, or is new, and claims with the patch things of each of nothing
the canaries     claims that are false must fail, among the tests and after them
the twins        a second run, in which each claim is doubted, must fail at its end, and tell what held
the files        what is written to the tests' files while they run, and is not on the base, is tampering
the plain run    of several runs of a patch one is pytest, or node, as a person runs it, and can only demote
the watch        who looks at frames or hooks into the interpreter, and did not on the base, is named

What it cannot show: more than the tests claim. Of a shorter list a test makes fewer claims, which is only
told (`TestRun.fewer`), and what it hands over to be changed it finds changed; plain pytest is green there
as well. Nor can it show that code does the same outside of the box: what answers just what a test asks, or
tells the box from the world by what a box cannot hide (the clock, the missing network, an empty disk),
passes. That is what the replay, and a person who reads the diff, are for.
"""

from sandbox.inside.testrun.calls import COMPUTES
from sandbox.testing.bench import TestBench
from sandbox.testing.outcome import Failure, TestOutcome, TestRun
from sandbox.testing.scripts import script_problems

__all__ = ["COMPUTES", "Failure", "TestBench", "TestOutcome", "TestRun", "script_problems"]
