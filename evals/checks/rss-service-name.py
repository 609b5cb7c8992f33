# ruff: noqa: N999
import runpy
from pathlib import Path


def check_truth_is_asked_for_the_service_s_own_name():
    assert runpy.run_path("services/rss_agg/main.py")["SERVICE_NAME"] == "rss_agg"


def check_log_lines_say_the_short_name():
    assert "[rss-agg]" in Path("services/rss_agg/intel/orchestrator.py").read_text(encoding="utf-8")
