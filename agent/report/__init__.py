"""What a run leaves for people: the same story as Markdown and as a page."""

from agent.report.markdown import render_report
from agent.report.page import render_page
from agent.report.words import answered, headline, next_step, told_cost

__all__ = ["answered", "headline", "next_step", "render_page", "render_report", "told_cost"]
