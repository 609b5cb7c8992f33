"""A small MarketSwarm to break: `tree/` is its code, the modules here make, run and break it."""
