"""Where images come from and where they go."""
