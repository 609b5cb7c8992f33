"""What becomes of a proven patch: a branch, and where it is configured a push and a pull request."""

from agent.publish.body import Proven
from agent.publish.branch import outward, publish_branch
from agent.publish.deliver import Carrier, Delivery
from agent.publish.publication import Publication, branch_of, interrupted, keep, publication_of
from agent.publish.publish import NothingToPublish, Published, deliver_again, publish, take_up
from agent.publish.pull_request import Patience

__all__ = [
    "Carrier",
    "Delivery",
    "NothingToPublish",
    "Patience",
    "Proven",
    "Publication",
    "Published",
    "branch_of",
    "deliver_again",
    "interrupted",
    "keep",
    "outward",
    "publication_of",
    "publish",
    "publish_branch",
    "take_up",
]
