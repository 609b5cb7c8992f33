"""The model behind the loop: one protocol, one adapter per API, a chain that falls back."""
