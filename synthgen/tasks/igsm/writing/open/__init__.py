"""The open law of problems: every template equally likely."""
