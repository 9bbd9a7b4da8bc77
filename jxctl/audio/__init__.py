"""Sound in and out: capture, playback, files, and the measures taken on a signal."""
