"""Figures as partitioned Parquet: found by their folders' names, read when they are asked for."""
