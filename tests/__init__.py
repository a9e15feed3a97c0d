"""Tests: unit, property, integration, e2e and ops suites; suites.py runs them in turn."""
