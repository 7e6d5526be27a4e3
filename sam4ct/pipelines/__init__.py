"""Pipelines: the stages put together with files, networks and options.

The only room that knows both stages and adapters.
"""
