"""`koc report`: what contents, KOCs, campaigns and products sold and cost, and what a KOC that left is still due."""
