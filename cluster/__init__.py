"""Three Galera nodes, HAProxy and score workers, and the loss of nodes under load (`make cluster`; docs/scale.md)."""
