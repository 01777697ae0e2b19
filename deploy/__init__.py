"""What teams set up around a home of the observatory; nothing of the pipeline needs it."""
