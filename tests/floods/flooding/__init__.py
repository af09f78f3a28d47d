"""The parts of floods.py."""
