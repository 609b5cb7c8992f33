"""The proof ladder: what is shown for a patch, cheapest first, and what a reviewer must be told about it.

ladder          the rungs and the proof as values
climb           how a patch is proven
labels          what a patch hides, drops, or brings beyond a plain repair
choices         where a test chooses what to do by the code it runs on
regression      which tests may stand for an incident
needed          which hunks of a patch its proof does not need
"""

from agent.proof.climb import Climb, prove
from agent.proof.ladder import IDLE, LADDER, NEEDED_FOR_A_BRANCH, Proof, Rung, State

__all__ = ["IDLE", "LADDER", "NEEDED_FOR_A_BRANCH", "Climb", "Proof", "Rung", "State", "prove"]
