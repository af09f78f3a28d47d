"""HTTP/2 frames against the real bonedry; see tests/frames/frames.py."""
