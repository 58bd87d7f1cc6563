"""Headers checked against the standard, instance by instance."""
