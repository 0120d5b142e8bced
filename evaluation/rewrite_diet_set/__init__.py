"""The diet set: rewrites that let go of what their query asks to be free from, and clean ones that look like it."""
