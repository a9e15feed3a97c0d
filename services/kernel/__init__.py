"""Pure and shared: money, time, identifiers, errors. Imports the standard library only."""
