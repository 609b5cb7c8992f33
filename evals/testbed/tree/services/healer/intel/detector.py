"""Turns beats into states and transitions."""

import time
from dataclasses import dataclass, field

UP, LATE, DOWN, NEVER = "up", "late", "down", "never_seen"
LATE_SHARE = 0.8


@dataclass
class ServiceState:
    """What is known of one service. `since` is when its state began."""

    service: str
    state: str = NEVER
    since: float = field(default_factory=time.time)
    downs: int = 0


class Detector:
    """Remembers states; a service that was never seen makes no transition to down."""

    def __init__(self):
        self.states = {}

    def update(self, beats, now=None):
        """Take in beats; the transitions as [(service, before, after)]."""
        now = time.time() if now is None else now
        changes = []
        for beat in beats:
            state = self.states.setdefault(beat.service, ServiceState(beat.service, since=now))
            after = self.judge(beat, state.state)
            if after == state.state:
                continue
            changes.append((beat.service, state.state, after))
            state.state, state.since = after, now
            if after == DOWN:
                state.downs += 1
        return changes

    @staticmethod
    def judge(beat, before):
        if not beat.alive:
            return NEVER if before == NEVER else DOWN
        if beat.age_sec is not None and beat.age_sec > LATE_SHARE * beat.expected_ttl:
            return LATE
        return UP

    def score(self):
        """Share of services that are up, 0 to 1; 1 where none is expected."""
        if not self.states:
            return 1.0
        return round(sum(state.state == UP for state in self.states.values()) / len(self.states), 3)
