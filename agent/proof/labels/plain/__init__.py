"""Whether a patch is a plain repair, which a proof speaks for as a whole, and what it brings beyond one.

A proof watches code run, in one world and in one process with that code. What a patch could bend it with
has to be written down in the patch, so here it is asked the other way round: not which tricks are known,
but whether the patch keeps to what repairs are made of. That is the words that the service uses already,
plain statements, and conditions that ask for missing data. Anything else may be right as well; it is for
a reader to look at.

words          which names, modules and texts the service uses already
constructs     statements and expressions which no plain repair needs
conditions     what is asked, and what is left out where it holds
gone           what the base does, and the patch does not
kept           what a mended statement no longer uses
moved          statements that stand in other blocks, or in another order
changes        what is changed in place, kept for nothing, or bound a second time
near           what is changed where nothing crashed, scope by scope
walk           the same statement by statement: what stands for what, and what is put in between
message        what the message of a crash says
met            what a crash met in one function
guards         whether a question is a guard for what crashed
same           whether a mended statement works out what it did
tests          what a patch's own test does that no plain test needs
own_names      which names are a test's own
replaced       what tests put in the place of something else
written_out    what tests make a text of that tells where they run
limits         what of a test hangs on the machine that it runs on
surroundings   what of the house's code asks where it runs
scripts        the same for Node, by the text of each line
script_lines   whether a script's changed lines are those that crashed, token by token
script_shapes  what repairs put into a script
"""

from agent.proof.labels.plain.beyond import beyond
from agent.proof.labels.plain.surroundings import asking, loading
from agent.proof.labels.plain.tests import beyond_in_tests
from agent.proof.labels.plain.words import Words, words_in, words_of

__all__ = ["Words", "asking", "beyond", "beyond_in_tests", "loading", "words_in", "words_of"]
