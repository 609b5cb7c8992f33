"""The admin page: what the watch does, live, for people and for MarketSwarm's own page."""
