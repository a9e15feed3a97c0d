"""Settlement runs: what is due is planned in one snapshot, then applied beside the posters, then netted by party."""
