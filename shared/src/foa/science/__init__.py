"""What two stages must agree on."""
