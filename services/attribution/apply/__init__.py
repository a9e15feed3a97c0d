"""Use cases: apply touches and orders to the state, let events wait, sweep, and decide which orders are published."""
