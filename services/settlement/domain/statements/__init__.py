"""Statements: what a closed period says of one party, as a function of the journal up to the close's cut."""
