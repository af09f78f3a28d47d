"""Side-by-side measurements of bonedry, HAProxy and nginx; see bench/README.md."""
