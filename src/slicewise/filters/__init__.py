"""What nodes compute."""
