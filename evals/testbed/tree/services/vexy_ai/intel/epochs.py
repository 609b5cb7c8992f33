"""The trading day in epochs: what Vexy talks about when nothing happens."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone

# New York without a time-zone database: winter time. The day's epochs move an hour in summer.
EXCHANGE = timezone(timedelta(hours=-5))


@dataclass(frozen=True)
class Epoch:
    """A part of the day. `start` is exchange time; it lasts until the next one starts."""

    name: str
    start: time
    voice: str
    theme: str


EPOCHS = (
    Epoch("overnight", time(0, 0), "anchor", "futures and what the world did"),
    Epoch("premarket", time(8, 0), "anchor", "gaps, news, the calendar"),
    Epoch("open", time(9, 30), "scout", "the first auction and who is trapped"),
    Epoch("morning", time(10, 30), "analyst", "whether the open holds"),
    Epoch("lunch", time(12, 0), "philosopher", "patience"),
    Epoch("afternoon", time(13, 30), "analyst", "gamma and the pull of strikes"),
    Epoch("power_hour", time(15, 0), "scout", "imbalances into the close"),
    Epoch("after_hours", time(16, 0), "anchor", "what the day was about"),
)


def epoch_at(moment):
    """The epoch of an aware datetime."""
    local = moment.astimezone(EXCHANGE).time()
    current = EPOCHS[0]
    for epoch in EPOCHS:
        if local >= epoch.start:
            current = epoch
    return current


def epoch_now():
    return epoch_at(datetime.now(timezone.utc))


def next_epoch(epoch):
    position = EPOCHS.index(epoch)
    return EPOCHS[(position + 1) % len(EPOCHS)]
