"""What becomes of a proven patch: a branch, and where it is configured a push and a pull request."""

from agent.publish.branch import branch_name, commit_message, publish_branch, title

__all__ = ["branch_name", "commit_message", "publish_branch", "title"]
