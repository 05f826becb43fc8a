"""Stand-ins for the parts around what is tested."""
