"""What is approved, to be browsed: operations, contracts with evidence, masked snapshots, the history of a field."""
