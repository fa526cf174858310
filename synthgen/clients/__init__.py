"""Adapters to other people's packages: our rows as their questions, our judge as their reward or score.

Each is a file named as its package, which it imports itself; `questions.py` and `chance.py` are what they share. Where
a package is not installed, the error says how to get it.
"""
