"""Commands for an operator after topics were made again or records were lost."""
