"""Where derived series come from: told in a private block of each instance, and asked for again."""
