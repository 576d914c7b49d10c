"""What is applied to a cluster, and the scripts that write parts of it."""
