"""Statements and bills of closed months: issued, sealed by a Merkle tree, and written as JSON, CSV, XLSX and PDF."""
