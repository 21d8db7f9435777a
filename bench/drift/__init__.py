"""Drift alarms on real data: how often they are false, how late they come, and whether they are called right.

    data -> replay -> stationary (beside `rules` that others use), delays
    data -> a model -> the observer's own traffic -> episodes

All of it goes through the observer's own code, with its default rules.
"""
