"""Measurements behind the figures in the README: `make bench` runs them.

What belongs here: one module a question, each a program that prints what it measured. What
must hold on every commit belongs to the tests.
"""
