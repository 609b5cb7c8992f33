"""Secrets out of any text, and untrusted text made inert, before either leaves the machine."""

from tools.redact.assignments import names_secret
from tools.redact.inert import inert
from tools.redact.redactor import Redactor

__all__ = ["Redactor", "inert", "names_secret"]
